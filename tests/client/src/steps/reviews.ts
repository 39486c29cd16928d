import assert from "node:assert/strict";
import type { Api } from "../api";
import type { Context } from "../context";
import { ids, need } from "../expect";
import {
  ArchiveContentDocument,
  RecallVersionDocument,
  RestoreContentDocument,
  ReviewQueueDocument,
  ReviewVersionDocument,
  SubmitVersionDocument,
  WithdrawVersionDocument,
  type ReviewDecision,
  type VersionState,
  type VersionStateFragment,
} from "../generated";
import type { Badge, Spare } from "./assets";
import type { Win } from "./endorsements";

async function submit(api: Api, version: string): Promise<VersionStateFragment> {
  const submitted = need((await api.mutate(SubmitVersionDocument, { input: { version } })).version, "the version");
  assertState(submitted, "IN_REVIEW");
  return submitted;
}

interface Decided {
  readonly version: VersionStateFragment;
  readonly review: string;
}

async function review(api: Api, version: string, decision: ReviewDecision, reviewer: string): Promise<Decided> {
  const note = `Decided by the story: ${decision}`;
  const payload = await api.mutate(ReviewVersionDocument, { input: { version, decision, note } });
  const made = need(payload.review, "the review");
  assert.equal(made.decision, decision);
  assert.equal(made.note, note);
  assert.equal("id" in made.reviewer && made.reviewer.id, reviewer);
  return { version: need(payload.version, "the reviewed version"), review: made.id };
}

function assertState({ number, state }: VersionStateFragment, expected: VersionState): void {
  assert.equal(state, expected, `version ${number} should be ${expected}`);
}

/** Submitted, taken back, submitted again; its author may not decide it. */
export async function submitWin({ api }: Context, win: Win, version: string): Promise<void> {
  await submit(api, version);
  const recalled = need((await api.mutate(RecallVersionDocument, { input: { version } })).version, "the version");
  assertState(recalled, "DRAFT");
  await api.refused(RecallVersionDocument, { input: { version } }, "FORBIDDEN_TRANSITION");
  const again = await submit(api, version);
  assert.equal(again.__typename, "EndorsementVersion");
  assert.equal(again.content.id, win.id);
  assert.equal(again.content.version, null, "in review is not yet approved");
  await api.refused(ReviewVersionDocument, { input: { version, decision: "APPROVE" } }, "SELF_REVIEW");
}

export interface Reviewer {
  readonly api: Api;
  readonly id: string;
}

/** Another approves what the queue shows; a draft that nobody submitted cannot be decided. */
export async function approveWin(reviewer: Reviewer, win: Win, version: string): Promise<string> {
  const { reviewQueue } = await reviewer.api.query(ReviewQueueDocument, { first: 10 });
  assert.deepEqual(ids(reviewQueue.nodes), [version], "the queue holds what waits in the reviewer's brand");
  assert.equal(reviewQueue.totalCount, 1);

  const decided = await review(reviewer.api, version, "APPROVE", reviewer.id);
  assertState(decided.version, "APPROVED");
  assert.equal(decided.version.content.status, "ACTIVE");
  assert.equal(decided.version.content.version?.number, 2, "the approved version is the current one");

  const draft = { input: { version: win.firstVersion, decision: "APPROVE" } } as const;
  await reviewer.api.refused(ReviewVersionDocument, draft, "FORBIDDEN_TRANSITION");
  const { reviewQueue: after } = await reviewer.api.query(ReviewQueueDocument, { first: 10 });
  assert.equal(after.totalCount, 0);
  return decided.review;
}

/** Two versions approved, the second withdrawn: the first is current again. */
export async function rollBackBadge(
  { api }: Context,
  reviewer: Reviewer,
  badge: Badge,
  secondVersion: string,
): Promise<void> {
  for (const [version, number] of [[badge.firstVersion, 1], [secondVersion, 2]] as const) {
    await submit(api, version);
    const decided = await review(reviewer.api, version, "APPROVE", reviewer.id);
    assertState(decided.version, "APPROVED");
    assert.equal(decided.version.content.version?.number, number, "the highest approved version is current");
  }
  const input = { version: secondVersion, reason: "The licensor wants the warm colour" };
  const withdrawn = need((await api.mutate(WithdrawVersionDocument, { input })).version, "the withdrawn version");
  assertState(withdrawn, "WITHDRAWN");
  assert.equal(withdrawn.content.version?.number, 1, "the highest version still approved is current");
  assert.equal(withdrawn.content.latestVersion.number, 2);
  await api.refused(SubmitVersionDocument, { input: { version: secondVersion } }, "FORBIDDEN_TRANSITION");
}

/** Sent back by the reviewer, archived, and taken out of the archive. */
export async function archiveSpare({ api }: Context, reviewer: Reviewer, spare: Spare): Promise<void> {
  await submit(api, spare.version);
  const decided = await review(reviewer.api, spare.version, "REQUEST_CHANGES", reviewer.id);
  assertState(decided.version, "CHANGES_REQUESTED");

  const archived = await api.mutate(ArchiveContentDocument, { input: { id: spare.id } });
  assert.equal(need(archived.content, "the archived content").status, "ARCHIVED");
  const restored = await api.mutate(RestoreContentDocument, { input: { id: spare.id } });
  assert.equal(need(restored.content, "the restored content").status, "DRAFT");
}
