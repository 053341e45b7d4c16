/**
 * Keys. A view names what its keys do while it is on the page; one listener decides. Nothing is taken while somebody
 * types, and a dialog takes everything from what lies under it.
 */
import { onCleanup } from "solid-js";

/** `j`, `g s` (one after the other), `mod+k` (⌘ or Ctrl), `Escape`. Returning false leaves the key to others. */
export type Keymap = Readonly<Record<string, (event: KeyboardEvent) => void | false>>;

const CHORD_MS = 900;

const maps: Keymap[] = [];
let prefix = "";
let prefixAt = 0;

document.addEventListener("keydown", (event) => {
  if (event.defaultPrevented || event.isComposing) return;
  const name = keyName(event);
  if (name === null) return;
  if (
    !name.includes("+") &&
    (isTyping(innermost(event)) || document.querySelector("dialog[open]") !== null)
  )
    return;
  const chord = prefix !== "" && event.timeStamp - prefixAt < CHORD_MS ? `${prefix} ${name}` : null;
  prefix = "";
  if ((chord !== null && run(chord, event)) || run(name, event)) return;
  if (maps.some((map) => Object.keys(map).some((key) => key.startsWith(`${name} `)))) {
    prefix = name;
    prefixAt = event.timeStamp;
  }
});

/** The newest map that knows the key decides. Removed with its owner. */
export function useKeys(map: Keymap): void {
  maps.push(map);
  onCleanup(() => maps.splice(maps.indexOf(map), 1));
}

/** How a key is written for this machine. */
export function keyLabel(key: string): string {
  return key
    .replace("mod+", isApple ? "⌘" : "Ctrl ")
    .replace(/[a-z]$/, (letter) => (key.includes("+") ? letter.toUpperCase() : letter));
}

const isApple = /mac|iphone|ipad/i.test(navigator.userAgent);

function run(name: string, event: KeyboardEvent): boolean {
  for (const map of maps.toReversed()) {
    if (map[name] === undefined || map[name](event) === false) continue;
    event.preventDefault();
    return true;
  }
  return false;
}

function keyName(event: KeyboardEvent): string | null {
  if (["Shift", "Control", "Alt", "Meta"].includes(event.key)) return null;
  if (event.altKey) return null;
  if (event.metaKey || event.ctrlKey) return `mod+${event.key.toLowerCase()}`;
  return event.key;
}

/** What the key was pressed in: an event's target hides what lies in a shadow tree. */
export function innermost(event: Event): EventTarget | null {
  return event.composedPath()[0] ?? event.target;
}

function isTyping(target: EventTarget | null): boolean {
  return (
    target instanceof HTMLElement &&
    (target.isContentEditable || ["INPUT", "TEXTAREA", "SELECT"].includes(target.tagName))
  );
}
