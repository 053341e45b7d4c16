import { createMemo, createSignal, For, Show, type JSX } from "solid-js";
import type { UsageBy, UsageRow } from "../../app/api.ts";
import { localZone } from "../../base/days.ts";
import { agentName, allTokens, exactCount, money } from "../lib/format.ts";
import { query, setQuery } from "../lib/router.ts";
import { oneLine } from "../lib/visible.ts";
import { useTitle } from "../lib/title.ts";
import { Empty, Failed, Skeleton } from "../parts/Basics.tsx";
import { createAnswer, useServices } from "../state/engine.ts";

const BY = ["day", "model", "project", "agent"] as const satisfies readonly UsageBy[];
type By = (typeof BY)[number];
const NAMES: Record<By, string> = {
  day: "Day",
  model: "Model",
  project: "Project",
  agent: "Agent",
};
const FIRST_ROWS = 60;

export function UsageView(): JSX.Element {
  useTitle(() => "Usage");
  const { engine, sessions } = useServices();
  const [whole, setWhole] = createSignal(false);
  const by = createMemo<By>(() => BY.find((name) => name === query().get("by")) ?? "day");
  const zone = localZone();
  const usage = createAnswer(by, (name) => engine.call("usage", { by: [name], zone }), engine);
  const rows = createMemo(() => {
    const all = usage.value()?.rows ?? [];
    return by() === "day"
      ? all.toSorted((a, b) => (b.day ?? "").localeCompare(a.day ?? ""))
      : all.toSorted(
          (a, b) =>
            (b.costUsd ?? 0) - (a.costUsd ?? 0) || allTokens(b.tokens) - allTokens(a.tokens),
        );
  });
  const shown = createMemo(() => (whole() ? rows() : rows().slice(0, FIRST_ROWS)));
  const isPriced = createMemo(() => rows().some((row) => (row.costUsd ?? 0) > 0));
  const weight = (row: UsageRow): number =>
    isPriced() ? (row.costUsd ?? 0) : allTokens(row.tokens);
  const most = createMemo(() => Math.max(1e-9, ...rows().map(weight)));
  const projectNames = createMemo(
    () =>
      new Map(
        sessions
          .sorted()
          .flatMap((row) => (row.project === null ? [] : [[row.project.id, row.project.name]])),
      ),
  );
  const nameOf = (row: UsageRow): string => {
    switch (by()) {
      case "day":
        return row.day ?? "Day not recorded";
      case "model":
        return oneLine(row.model ?? "Model not recorded");
      case "agent":
        return agentName(row.agent ?? "not recorded");
      case "project":
        return oneLine(projectNames().get(row.project ?? "") ?? row.project ?? "No project");
    }
  };

  return (
    <main class="sheet scroll" aria-label="Usage">
      <div class="sheet-body wide">
        <header class="sheet-head">
          <h1>Usage</h1>
          <div class="segmented" role="group" aria-label="By">
            <For each={BY}>
              {(name) => (
                <button
                  type="button"
                  aria-pressed={by() === name}
                  onClick={() => setQuery({ by: name === "day" ? null : name })}
                >
                  {NAMES[name]}
                </button>
              )}
            </For>
          </div>
        </header>
        <Show when={usage.fault()}>
          {(words) => <Failed words={words()} onAgain={usage.again} />}
        </Show>
        <Show when={usage.slow()}>
          <Skeleton rows={10} />
        </Show>
        <Show when={usage.value() !== null && rows().length === 0}>
          <Empty title="Nothing was used yet">
            <p>Tokens and cost of every session on this machine will be added up here.</p>
          </Empty>
        </Show>
        <Show when={rows().length > 0}>
          <table class="usage">
            <caption class="hidden">Tokens and cost by {NAMES[by()].toLowerCase()}</caption>
            <thead>
              <tr>
                <th scope="col">{NAMES[by()]}</th>
                <th scope="col" class="usage-bars">
                  <span class="hidden">Share</span>
                </th>
                <th scope="col">Calls</th>
                <th scope="col">Input</th>
                <th scope="col">Output</th>
                <th scope="col">From cache</th>
                <th scope="col">Into cache</th>
                <th scope="col">Cost</th>
              </tr>
            </thead>
            <tbody>
              <For each={shown()}>
                {(row) => (
                  <tr>
                    <th scope="row" class="cut" title={nameOf(row)}>
                      {nameOf(row)}
                    </th>
                    <td class="usage-bars" aria-hidden="true">
                      <i
                        style={{
                          width: `${Math.max(weight(row) > 0 ? 1 : 0, (weight(row) / most()) * 100)}%`,
                        }}
                      />
                    </td>
                    <Numbers row={row} />
                  </tr>
                )}
              </For>
            </tbody>
            <Show when={usage.value()}>
              {(value) => (
                <tfoot>
                  <tr>
                    <th scope="row">Together</th>
                    <td class="usage-bars" />
                    <Numbers row={value().totals} />
                  </tr>
                </tfoot>
              )}
            </Show>
          </table>
          <Show when={shown().length < rows().length}>
            <button type="button" class="link more" onClick={() => setWhole(true)}>
              Show all {exactCount(rows().length)}
            </button>
          </Show>
          <p class="quiet sheet-note">
            Input is without what came from the cache; output is with reasoning. Costs are from the
            price table this version came with; a model without a price is unpriced, not free.
            <Show when={by() === "day"}> Days are in the time zone {placeOf(zone)}.</Show>
          </p>
        </Show>
      </div>
    </main>
  );
}

/** `America/New_York` as a person writes it. */
function placeOf(zone: string): string {
  return zone.replaceAll("_", " ");
}

function Numbers(props: { readonly row: UsageRow }): JSX.Element {
  return (
    <>
      <td>{exactCount(props.row.calls)}</td>
      <td>{exactCount(props.row.tokens.input)}</td>
      <td>{exactCount(props.row.tokens.output)}</td>
      <td>{exactCount(props.row.tokens.cacheRead)}</td>
      <td>{exactCount(props.row.tokens.cacheWrite)}</td>
      <td>{money(props.row.costUsd)}</td>
    </>
  );
}
