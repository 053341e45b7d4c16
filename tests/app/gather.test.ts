import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { gather } from "../../src/app/gather.ts";

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

test("what is added within the time is told once, together", () => {
  const told: (readonly string[])[] = [];
  const changes = gather<string>(100, (all) => told.push(all));
  for (const one of ["a", "b", "a"]) changes.add(one);
  vi.advanceTimersByTime(99);
  expect(told).toEqual([]);
  vi.advanceTimersByTime(1);
  expect(told).toEqual([["a", "b"]]);
  changes.add("a");
  vi.advanceTimersByTime(100);
  expect(told).toEqual([["a", "b"], ["a"]]);
});

test("flushed it tells at once, and not again; closed it tells nothing", () => {
  const told: (readonly string[])[] = [];
  const changes = gather<string>(100, (all) => told.push(all));
  changes.flush();
  changes.add("a");
  changes.flush();
  expect(told).toEqual([["a"]]);
  changes.add("b");
  changes.close();
  vi.advanceTimersByTime(1000);
  expect(told).toEqual([["a"]]);
});
