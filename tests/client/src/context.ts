/** What every step is told: who asks, and the names and times of this run. */
import { createHash, randomBytes } from "node:crypto";
import process from "node:process";
import { Api } from "./api";

const DAY_MS = 86_400_000;

export interface Context {
  /** The administrator, who makes everything. */
  readonly api: Api;
  /** Differs from run to run, so that the story can be told twice to one database. */
  readonly suffix: string;
  /** The instant that the story's dates are counted from: a whole second, so that no store can round it. */
  readonly start: Date;
}

export function newContext(base: URL, token: string): Context {
  return {
    api: new Api(base, token),
    suffix: randomBytes(4).toString("hex"),
    start: new Date(Math.floor(Date.now() / 1000) * 1000),
  };
}

/** A setting without which nothing can be asked. */
export function required(name: string): string {
  const value = process.env[name];
  if (value) return value;
  console.error(`set ${name}`);
  process.exit(2);
}

export function daysAfter(from: Date, days: number): Date {
  return new Date(from.getTime() + days * DAY_MS);
}

/** The calendar day, in UTC. */
export function dayOf(instant: Date): string {
  return instant.toISOString().slice(0, 10);
}

export function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}
