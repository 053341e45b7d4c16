/** What this browser remembers of how a person wants it: never data. */
import { createEffect, createSignal, type Accessor } from "solid-js";

export type Theme = "system" | "light" | "dark";

function remembered<T>(name: string, initial: T): [Accessor<T>, (value: T) => void] {
  const key = `operon.${name}`;
  const [value, setValue] = createSignal<T>(read(key) ?? initial);
  return [
    value,
    (next) => {
      setValue(() => next);
      try {
        localStorage.setItem(key, JSON.stringify(next));
      } catch {
        // A browser that keeps nothing: it holds for this page.
      }
    },
  ];
}

export const [theme, setTheme] = remembered<Theme>("theme", "system");
export const [groupBy, setGroupBy] = remembered<"day" | "project">("list.group", "day");
/** Columns a person took away. */
export const [hiddenColumns, setHiddenColumns] = remembered<readonly string[]>("list.hidden", []);
export const [listWidth, setListWidth] = remembered<number>("list.width", 400);
export const [timeLineBy, setTimeLineBy] = remembered<"time" | "tokens">("timeline.by", "time");
/** Teams for which the advice to print a recovery kit is not wanted again. */
export const [kitAdviceRead, setKitAdviceRead] = remembered<readonly string[]>(
  "team.kitAdviceRead",
  [],
);

const dark = window.matchMedia("(prefers-color-scheme: dark)");
const [systemDark, setSystemDark] = createSignal(dark.matches);
dark.addEventListener("change", (event) => setSystemDark(event.matches));

/** Keeps the page in the chosen colours. Call once, in a root. */
export function applyTheme(): void {
  createEffect(() => {
    const isDark = theme() === "dark" || (theme() === "system" && systemDark());
    document.documentElement.dataset["theme"] = isDark ? "dark" : "light";
  });
}

function read<T>(key: string): T | null {
  try {
    return JSON.parse(localStorage.getItem(key) ?? "null") as T | null;
  } catch {
    return null;
  }
}
