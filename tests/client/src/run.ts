/** Counts the story's steps, and stops at the first that fails. */
import { AssertionError } from "node:assert/strict";
import { TopLevelError } from "./api";

/** Thrown after a failed step has been reported. */
export class StoryFailed extends Error {}

export class Run {
  #passed = 0;
  #failed = 0;

  get failed(): boolean {
    return this.#failed > 0;
  }

  /** Runs one step and returns what it made for those after it. */
  async step<T>(name: string, work: () => Promise<T>): Promise<T> {
    const started = performance.now();
    try {
      const result = await work();
      this.#passed += 1;
      console.log(`ok      ${name} (${Math.round(performance.now() - started)} ms)`);
      return result;
    } catch (error) {
      this.#failed += 1;
      console.error(`FAILED  ${name}\n${describe(error)}`);
      throw new StoryFailed(name, { cause: error });
    }
  }

  summary(): string {
    return `${this.#passed} passed, ${this.#failed} failed`;
  }
}

function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const cause = error.cause instanceof Error ? ` (${error.cause.message})` : "";
  // Where in the story it stands; the frames of Node and of the libraries say nothing.
  const place = error.stack?.split("\n").filter((line) => /\/src\/steps\//.test(line)) ?? [];
  const name = error instanceof AssertionError || error instanceof TopLevelError ? "" : `${error.name}: `;
  return [`${name}${error.message}${cause}`, ...place].join("\n");
}
