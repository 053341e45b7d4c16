/** The engine as every view sees it: its client, its status, and questions that are asked again when it is back. */
import {
  createContext,
  createEffect,
  createSignal,
  on,
  onCleanup,
  useContext,
  type Accessor,
} from "solid-js";
import type { Status } from "../../app/api.ts";
import { FaultError } from "../../base/result.ts";
import type { Engine } from "../lib/client.ts";
import type { DocumentStore } from "./documents.ts";
import type { SessionsStore } from "./sessions.ts";

export interface Services {
  readonly engine: Engine;
  /** The newest status heard; null before the first. */
  readonly status: Accessor<Status | null>;
  /** For who has just changed something that it tells. */
  askStatus(): void;
  readonly sessions: SessionsStore;
  readonly documents: DocumentStore;
}

export const ServicesContext = createContext<Services>();

export function useServices(): Services {
  const services = useContext(ServicesContext);
  if (services === undefined) throw new Error("no services around this component");
  return services;
}

export function createStatus(engine: Engine): Pick<Services, "status" | "askStatus"> {
  const [status, setStatus] = createSignal<Status | null>(null);
  onCleanup(
    engine.subscribe((push) => {
      if (push.topic === "status") setStatus(push.status);
    }),
  );
  const askStatus = (): void =>
    void engine.call("status", undefined).then(setStatus, () => undefined);
  onCleanup(engine.onReopen(askStatus));
  askStatus();
  return { status, askStatus };
}

export interface Answer<T> {
  /** The newest answer; null before the first. */
  readonly value: Accessor<T | null>;
  /** The sentence of the newest failure; null after an answer. */
  readonly fault: Accessor<string | null>;
  /** True 200 ms after asking, while there is nothing to show. */
  readonly slow: Accessor<boolean>;
  again(): void;
  /** The same, as another call has answered it: what was asked before is older. */
  put(answer: T): void;
  /** Asked and not answered. */
  isUnderway(): boolean;
}

const SLOW_MS = 200;

/** Asks when its input changes (null: does not ask) and whenever the engine is back. A late answer of an older question is dropped. */
export function createAnswer<I, T>(
  input: Accessor<I | null>,
  ask: (input: I) => Promise<T>,
  engine: Engine,
): Answer<T> {
  const [value, setValue] = createSignal<T | null>(null);
  const [fault, setFault] = createSignal<string | null>(null);
  const [slow, setSlow] = createSignal(false);
  const [turn, setTurn] = createSignal(0);
  let question = 0;
  let answered = 0;

  createEffect(
    on([input, turn], ([asked], previous) => {
      if (previous !== undefined && previous[0] !== asked) setValue(null);
      if (asked === null) return;
      const mine = ++question;
      const timer = setTimeout(() => setSlow(value() === null && fault() === null), SLOW_MS);
      ask(asked)
        .then(
          (answer) => {
            if (mine !== question) return;
            setValue(() => answer);
            setFault(null);
          },
          (error: unknown) => {
            if (mine === question) setFault(sentence(error));
          },
        )
        .finally(() => {
          clearTimeout(timer);
          if (mine !== question) return;
          answered = mine;
          setSlow(false);
        });
    }),
  );
  const again = (): void => void setTurn((n) => n + 1);
  const put = (answer: T): void => {
    answered = ++question;
    setValue(() => answer);
    setFault(null);
    setSlow(false);
  };
  onCleanup(engine.onReopen(again));
  return { value, fault, slow, again, put, isUnderway: () => answered !== question };
}

/** What was asked for is not here, or not any more. */
export function isNotFound(error: unknown): boolean {
  return error instanceof FaultError && error.fault.type === "not-found";
}

/** What a person is shown of a failure. A bug is named as one, with its words for a report. */
export function sentence(error: unknown): string {
  if (error instanceof FaultError) return error.message;
  const words = error instanceof Error ? error.message : String(error);
  return `Something went wrong in this page (${words}). Your data is not touched; reload the page.`;
}
