/**
 * libsodium, ready. The sumo build, because the standard one has no Argon2id.
 *
 * Random bytes never come from here: see `base/random.ts`.
 */
import sodium from "libsodium-wrappers-sumo";

await sodium.ready;

export { sodium };
