/**
 * Addresses. A view is a path, its filters are the query, a place inside it is the hash;
 * back and forward are the browser's own.
 */
import { createMemo, createSignal } from "solid-js";

export type Route =
  | { readonly view: "sessions"; readonly session: string | null; readonly event: string | null }
  | { readonly view: "decisions"; readonly decision: string | null }
  | { readonly view: "team"; readonly team: string | null }
  | { readonly view: "usage" | "privacy" | "settings" | "unknown" };

export type ViewName = Exclude<Route["view"], "unknown">;

interface Place {
  readonly pathname: string;
  readonly search: string;
  readonly hash: string;
}

function parseRoute({ pathname, hash }: Pick<Place, "pathname" | "hash">): Route {
  const [view = "", id = null, ...rest] = pathname.split("/").filter(Boolean).map(decode);
  if (rest.length > 0) return { view: "unknown" };
  switch (view) {
    case "":
    case "sessions":
      return { view: "sessions", session: id, event: decode(hash.slice(1)) || null };
    case "decisions":
      return { view: "decisions", decision: id };
    case "team":
      return { view: "team", team: id };
    case "usage":
    case "privacy":
    case "settings":
      return id === null ? { view } : { view: "unknown" };
    default:
      return { view: "unknown" };
  }
}

const here = (): Place => ({
  pathname: location.pathname,
  search: location.search,
  hash: location.hash,
});

const [place, setPlace] = createSignal<Place>(here());
window.addEventListener("popstate", () => setPlace(here()));

export const route = createMemo(() => parseRoute(place()), undefined, { equals: sameRoute });
export const query = createMemo(() => new URLSearchParams(place().search));

export function navigate(to: string, options: { readonly replace?: boolean } = {}): void {
  const target = new URL(to, location.href);
  if (target.href === location.href) return;
  if (options.replace === true) history.replaceState(null, "", target);
  else history.pushState(null, "", target);
  setPlace(here());
}

/** Sets or removes (null) keys of the query; the path stays. */
export function setQuery(changes: Readonly<Record<string, string | null>>): void {
  const next = new URLSearchParams(location.search);
  for (const [key, value] of Object.entries(changes)) {
    if (value === null || value === "") next.delete(key);
    else next.set(key, value);
  }
  const text = next.toString();
  navigate(location.pathname + (text === "" ? "" : `?${text}`) + location.hash, { replace: true });
}

/** The list's filters as last seen: they travel with what is opened from it, so that back, reload and return keep them. */
const filters = createMemo<string>(
  (before) => (route().view === "sessions" ? place().search : before),
  "",
);

export function sessionPath(id: string | null, event: string | null = null): string {
  const path = id === null ? "/sessions" : `/sessions/${encodeURIComponent(id)}`;
  return path + filters() + (event === null ? "" : `#${encodeURIComponent(event)}`);
}

export function decisionPath(id: string | null): string {
  return id === null ? "/decisions" : `/decisions/${encodeURIComponent(id)}`;
}

export function teamPath(id: string | null): string {
  return id === null ? "/team" : `/team/${encodeURIComponent(id)}`;
}

/** Plain clicks on links of this page change the view without loading it again. */
export function followLinks(root: HTMLElement): void {
  root.addEventListener("click", (event) => {
    if (event.defaultPrevented || event.button !== 0) return;
    if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    const link = (event.target as Element).closest("a");
    if (link === null || link.target !== "" || link.origin !== location.origin) return;
    event.preventDefault();
    navigate(link.href);
  });
}

function sameRoute(a: Route, b: Route): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
