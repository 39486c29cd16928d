/** Small helpers that say clearly what was missing. */
import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";

/** The value, which has to be there. */
export function need<T>(value: T | null | undefined, what: string): T {
  assert.ok(value !== null && value !== undefined, `${what} should be there`);
  return value;
}

/** The node an id named, seen as the one type the query's fragment was written for. */
export function found<N extends object>(node: N | null, what: string): Exclude<N, Record<PropertyKey, never>> {
  assert.ok(isKnown(need(node, what)), `${what} should be of the type asked for`);
  return node as Exclude<N, Record<PropertyKey, never>>;
}

function isKnown(node: object): boolean {
  return Object.keys(node).length > 0;
}

export function ids(things: ReadonlyArray<{ readonly id: string }>): string[] {
  return things.map((thing) => thing.id);
}

/** The same things, in whatever order. */
export function sameSet(actual: ReadonlyArray<string>, expected: ReadonlyArray<string>, message: string): void {
  assert.deepEqual([...actual].sort(), [...expected].sort(), message);
}

/** The same instant, however it is written. */
export function sameInstant(actual: string | null, expected: Date, message: string): void {
  assert.equal(new Date(need(actual, message)).toISOString(), expected.toISOString(), message);
}

/** Asks again until the assertions hold: for what the server may finish within moments, and no promise makes immediate. */
export async function eventually<T>(withinMs: number, check: () => Promise<T>): Promise<T> {
  const deadline = Date.now() + withinMs;
  for (;;) {
    try {
      return await check();
    } catch (error) {
      if (!(error instanceof assert.AssertionError) || Date.now() > deadline) throw error;
      await sleep(100);
    }
  }
}
