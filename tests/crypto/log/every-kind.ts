/** One valid entry of each kind and form, with the state it follows. */
import type { Bytes } from "../../../src/base/bytes.ts";
import { deviceAuthor } from "../../../src/crypto/log/author.ts";
import type { Body } from "../../../src/crypto/log/body.ts";
import type { TeamState } from "../../../src/crypto/log/state.ts";
import { noise } from "../samples.ts";
import {
  device,
  DEVICES,
  fence,
  MEMBERS,
  personOf,
  PROJECT_TAG,
  TEAM_STREAM,
  world,
} from "./world.ts";

export interface Sample {
  readonly name: string;
  readonly before: TeamState;
  readonly bytes: Bytes;
  readonly after: TeamState;
}

/** In the order of one log, behind that of `world()`; and the last rotation in it. */
export function everyKind() {
  const begun = world();
  const { log, invites } = begun;
  const { ada, cy } = MEMBERS;
  const by = deviceAuthor(DEVICES.laptop);
  const samples: Sample[] = [];
  const say = (name: string, body: Exclude<Body, { kind: "create" }>, author = by) =>
    step(name, () => log.say(author, body));
  const step = (name: string, write: () => { bytes: Bytes; state: TeamState }) => {
    const before = log.state;
    const { bytes, state } = write();
    samples.push({ name, before, bytes, after: state });
  };
  const fences = [fence(4, TEAM_STREAM), fence(70_000_000_000)];
  const documents = [noise(16, "one"), noise(16, "two")].map((id) =>
    Buffer.from(id).toString("hex"),
  );

  step("add-device", () => log.join(invites.ada, device("dan"), "d4".repeat(16), "dan"));
  step("invite", () => ({
    ...log.invite(DEVICES.laptop, "admin"),
    bytes: last(),
    state: log.state,
  }));
  say("revoke-invite", {
    kind: "revoke-invite",
    invite: [...log.state.invites.keys()][0] as string,
  });
  say("role", { kind: "role", member: cy, role: "admin" });
  say("project-access", { kind: "project-access", project: PROJECT_TAG, members: [ada, cy] });
  say("project-access for all", { kind: "project-access", project: PROJECT_TAG, members: null });
  const retire = { kind: "retire", why: "unshared" } as const;
  say("retire documents", { ...retire, scope: { what: "documents", documents } });
  say("retire a member's", {
    ...retire,
    why: "leaving",
    scope: { what: "member", member: cy, fences },
  });
  say("retire a project", { ...retire, scope: { what: "project", fence: fence(9) } });
  const renamed = { device: DEVICES.phone.id, person: personOf(DEVICES.phone) };
  say("rename-device", { kind: "rename-device", ...renamed });
  say("remove-device", { kind: "remove-device", device: DEVICES.phone.id, fences });
  say("remove-member", { kind: "remove-member", member: cy, fences: [] });
  const before = log.state;
  const rotation = log.rotate(DEVICES.ben);
  samples.push({ name: "epoch", before, bytes: rotation.bytes, after: rotation.state });
  return { ...begun, samples, lastRotation: rotation };

  function last(): Bytes {
    return log.entries.at(-1) as Bytes;
  }
}
