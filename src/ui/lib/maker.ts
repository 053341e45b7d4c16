/** Who makes entries of a document in this page. */
import { systemClock } from "../../base/clock.ts";
import { systemRandom } from "../../base/random.ts";

export const MAKER = { clock: systemClock, random: systemRandom };
