import type { Push } from "./api.ts";

export interface Bus {
  push(push: Push): void;
  subscribe(listener: (push: Push) => void): () => void;
}

export function createBus(): Bus {
  const listeners = new Set<(push: Push) => void>();
  return {
    push: (push) => listeners.forEach((listener) => listener(push)),
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}
