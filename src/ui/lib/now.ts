/** The time, for words like "4 m": looked at again twice a minute. */
import { createSignal } from "solid-js";

const [now, setNow] = createSignal(Date.now());
setInterval(() => setNow(Date.now()), 15_000);
document.addEventListener("visibilitychange", () => setNow(Date.now()));

export { now };
