/** The server answers falsely, and holds the truth all the same. */
import type { Bytes } from "../../../src/base/bytes.ts";
import { rowHash } from "../../../src/crypto/row.ts";
import type { Cursor } from "../../../src/sync/ports.ts";
import { advance, sameStream, streamKey } from "../../../src/sync/streams.ts";
import type { Page } from "../../../src/sync/transport.ts";
import { TEAM } from "../cast.ts";
import type { Dice } from "../dice.ts";
import type { Lie } from "../relay.ts";
import type { World } from "../world.ts";
import {
  common,
  flipped,
  type Inject,
  type Injected,
  isOf,
  streamOf,
  two,
  write,
} from "./fault.ts";

/** The end of a page is missing. */
export const truncate: Inject = async (world, dice) => {
  const [author, victim] = two(world, dice);
  let cut = false;
  const lie = pullLie(victim.name, (page) => {
    if (page.rows.length === 0 || page.more) return page;
    cut = true;
    return { ...page, rows: page.rows.slice(0, dice.below(page.rows.length)) };
  });
  world.relay.lies.add(lie);
  const document = await common(world, dice);
  for (let i = 0; i < 3; i++) await write(world, author, document, "cut? ");
  await world.once(victim);
  // Of who goes over to a snapshot what is said of it does not stand in the page.
  return cut ? ending(world, dice, lie, { alarms: ["hole", "deleted"], misled: [victim] }) : null;
};

/** A row in the middle of a page is missing, and its number with it. */
export const omitNumber: Inject = async (world, dice) => {
  const [author, victim] = two(world, dice);
  const document = await common(world, dice);
  let cut = false;
  const lie = pullLie(victim.name, (page) => {
    const at = page.rows.findIndex(({ row }) => isOf(row, document));
    if (at === -1) return page;
    cut = true;
    return { ...page, rows: page.rows.toSpliced(at, 1) };
  });
  world.relay.lies.add(lie);
  for (let i = 0; i < 3; i++) await write(world, author, document, "left out? ");
  await world.once(victim);
  return cut ? ending(world, dice, lie, { alarms: ["hole"], misled: [victim] }) : null;
};

/** Nothing newer than this is shown for a while. */
export const withhold: Inject = async (world, dice) => {
  const [author, victim] = two(world, dice);
  const { view } = world.relay;
  const shown = new Map(view.logsOf(TEAM).map((log) => [streamKey(log.stream), log.head.n]));
  const lie: Lie = {
    poke: (who, signal) => (who === victim.name ? null : signal),
    pull: (who, page, cursors) => {
      if (who !== victim.name) return page;
      const own = new Map(cursors.map(({ stream, cursor }) => [streamKey(stream), cursor.n]));
      const last = (key: string) => Math.max(shown.get(key) ?? 0, own.get(key) ?? 0);
      const heads = page.heads.map(({ stream, cursor }) => ({
        stream,
        cursor: view.log(stream).placeAt(Math.min(cursor.n, last(streamKey(stream)))),
      }));
      return {
        ...page,
        rows: page.rows.filter(({ stream, n }) => n <= last(streamKey(stream))),
        dropped: (page.dropped ?? []).filter(({ stream, n }) => n <= last(streamKey(stream))),
        heads: heads.filter(({ cursor }) => cursor.n > 0),
        more: false,
      };
    },
  };
  world.relay.lies.add(lie);
  const document = await common(world, dice);
  await write(world, author, document, "withheld ");
  await write(world, victim, document, "meanwhile ");
  return { alarms: [], misled: [], end: () => world.relay.lies.delete(lie) };
};

/** Of a head: its number, its hash, or that there is one. */
export const headLie: Inject = async (world, dice) => {
  const [author, victim] = two(world, dice);
  const document = await common(world, dice);
  const lied = dice.pick(HEAD_LIES);
  const lie = pullLie(victim.name, (page) => ({
    ...page,
    heads: page.heads.flatMap((head) =>
      sameStream(head.stream, streamOf(document))
        ? lied(head.cursor, dice).map((cursor) => ({ ...head, cursor }))
        : [head],
    ),
    rows:
      lied === noHead
        ? page.rows.filter(({ stream }) => !sameStream(stream, streamOf(document)))
        : page.rows,
  }));
  world.relay.lies.add(lie);
  await write(world, author, document, "head? ");
  await world.once(victim);
  const alarms = ["hole", "history", "rollback", "gone"] as const;
  return ending(world, dice, lie, { alarms, misled: [victim] });
};

function noHead(): readonly Cursor[] {
  return [];
}

const HEAD_LIES: readonly ((head: Cursor, dice: Dice) => readonly Cursor[])[] = [
  ({ n }, dice) => [{ n: n + dice.between(1, 9), h: dice.bytes(32) }],
  ({ n }, dice) => [{ n, h: dice.bytes(32) }],
  ({ n }, dice) => [{ n: dice.below(n), h: dice.bytes(32) }],
  noHead,
];

/** There is always more, and it never comes. */
export const endless: Inject = async (world, dice) => {
  const [author, victim] = two(world, dice);
  const lie = pullLie(victim.name, (page) => ({ ...page, rows: [], dropped: [], more: true }));
  world.relay.lies.add(lie);
  const document = await common(world, dice);
  await write(world, author, document, "endless ");
  await world.once(victim);
  return { alarms: [], misled: [], end: () => world.relay.lies.delete(lie) };
};

/** Rows that were pushed are not kept, though the server says so. */
export const falseReceipt: Inject = async (world, dice) => {
  const [author] = two(world, dice);
  const document = await common(world, dice);
  const bold = dice.chance(0.4);
  const stands = !bold && dice.chance(0.5);
  let told = 0;
  const lie: Lie = {
    push: (who, _stream, rows, log) => {
      if (who !== author.name || log.head.n === 0 || (told > 0 && !stands)) return null;
      told++;
      let last = log.head;
      return rows.map((row) => {
        last = advance(last, rowHash(row));
        return bold ? { is: "stored", ...last } : { is: "known", n: log.head.n };
      });
    },
  };
  world.relay.lies.add(lie);
  await write(world, author, document, "kept? ");
  await world.once(author);
  if (!stands) world.relay.lies.delete(lie);
  if (told === 0) return null;
  return bold
    ? {
        alarms: ["rollback", "history", "fork", "refused", "withheld", "own-row-lost"],
        misled: [author],
      }
    : { alarms: ["own-row-lost"], misled: stands ? [author] : [] };
};

/** Every row's place is taken, says the server. */
export const falseConflict: Inject = async (world, dice) => {
  const [author] = two(world, dice);
  const lie: Lie = { push: (who) => (who === author.name ? [{ is: "conflict" }] : null) };
  world.relay.lies.add(lie);
  await write(world, author, await common(world, dice), "conflict? ");
  return { alarms: ["refusing"], misled: [], end: () => world.relay.lies.delete(lie) };
};

/** A bit of a row is another one: in a page, in what a poke brings, or on the channel of a stream. */
export const flipOnTheWay: Inject = async (world, dice) => {
  const [author, victim] = two(world, dice);
  let flips = 0;
  const bend = (row: Bytes) => {
    flips++;
    return flipped(row, dice);
  };
  const lie: Lie = {
    pull: (who, page) =>
      who === victim.name
        ? { ...page, rows: page.rows.map((one) => ({ ...one, row: bend(one.row) })) }
        : page,
    poke: (who, signal) =>
      who === victim.name && signal.brought
        ? { ...signal, brought: { ...signal.brought, row: bend(signal.brought.row) } }
        : signal,
  };
  const document = await common(world, dice);
  world.relay.lies.add(lie);
  victim.page(document.id);
  await write(world, author, document, "flipped? ");
  for (const channel of world.relay.channels)
    for (const row of world.relay.view.log(streamOf(document)).rows.slice(-2))
      world.relay.say(channel, null, bend(row));
  await world.settle();
  await world.once(victim);
  // Of several pages only the last one's hash can be compared: rows of those before are judged one by one.
  const alarms = ["history", "refused", "withheld", "deleted"] as const;
  const injected: Injected = { alarms, misled: [victim] };
  return flips > 0 ? ending(world, dice, lie, injected) : null;
};

function pullLie(victim: string, bend: (page: Page) => Page): Lie {
  return {
    pull: (who, page) => (who === victim ? bend(page) : page),
    // Else the row would come this way.
    poke: (who, signal) => (who === victim ? { ...signal, brought: null } : signal),
  };
}

/** Half of the lies end, and then everybody has to be up to date; half stand to the end. */
function ending(world: World, dice: Dice, lie: Lie, injected: Injected): Injected {
  if (dice.chance(0.5)) return injected;
  return { ...injected, misled: [], end: () => world.relay.lies.delete(lie) };
}
