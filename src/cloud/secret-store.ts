/** Where secrets lie between two runs: the system's keychain, or a file that only its user can read. */
export interface SecretStore {
  get(name: string): Promise<string | null>;
  set(name: string, value: string): Promise<void>;
  delete(name: string): Promise<void>;
}
