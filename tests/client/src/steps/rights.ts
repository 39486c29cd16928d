import assert from "node:assert/strict";
import type { Api } from "../api";
import { daysAfter, type Context } from "../context";
import { found, need, sameInstant, sameSet, ids } from "../expect";
import {
  AvailabilityDocument,
  ContentStateByIdDocument,
  CreateLeaseDocument,
  UpdateContentDocument,
  type AnswerFragment,
  type AvailabilityQueryVariables,
  type HoldReason,
} from "../generated";
import type { Badge } from "./assets";
import { assertTypeId, type Catalog } from "./catalog";
import type { Channels } from "./channels";
import type { CreatorWin, Win } from "./endorsements";

const TERMS = {
  noAlteration: false,
  noTranslation: false,
  noExcerpt: false,
  noRedistribution: true,
  productBound: true,
  showYear: true,
  disclaimer: "The Lamp Gazette is not affiliated with the maker.",
  linkBack: "https://example.com/lamp-of-the-year",
  creativeApproval: false,
} as const;

export interface Leases {
  readonly allow: string;
  readonly deny: string;
  readonly endsAt: Date;
}

/** A right with an end for two channels, and a bar on one slot of the second. */
export async function createLeases(
  { api, start }: Context,
  { site, amazon, mainImage }: Channels,
  win: Win,
  badge: Badge,
): Promise<Leases> {
  const endsAt = daysAfter(start, 40);
  const later = daysAfter(endsAt, 1).toISOString();
  const contents = [win.id, badge.id];

  const allowed = await api.mutate(CreateLeaseDocument, {
    later,
    input: {
      contents,
      access: "ALLOW",
      channels: [site.slug, amazon.id],
      startsAt: daysAfter(start, -1).toISOString(),
      endsAt: endsAt.toISOString(),
      licensor: "The Lamp Gazette",
      reference: "LG-2026-117",
      fee: { amount: "250.00", currency: "EUR" },
      terms: TERMS,
    },
  });
  const allow = need(allowed.lease, "the lease");
  assertTypeId(allow.id);
  assert.equal(allow.access, "ALLOW");
  assert.equal(allow.licensor, "The Lamp Gazette");
  assert.equal(allow.reference, "LG-2026-117");
  assert.equal(Number(allow.fee?.amount), 250);
  assert.equal(allow.fee?.currency, "EUR");
  assert.deepEqual(allow.terms, TERMS);
  sameInstant(allow.endsAt, endsAt, "the lease's end");
  assert.deepEqual([allow.now, allow.later], [true, false], "active now, no longer after its end");
  sameSet(ids(allow.contents), contents, "the lease's contents");
  sameSet(ids(allow.channels), [site.id, amazon.id], "the lease's channels");

  const denied = await api.mutate(CreateLeaseDocument, {
    later,
    input: { contents, access: "DENY", channels: [mainImage.slug], notes: "No badges on the main image" },
  });
  const deny = need(denied.lease, "the bar");
  assert.equal(deny.access, "DENY");
  assert.equal(deny.endsAt, null);
  assert.deepEqual([deny.now, deny.later], [true, true]);

  const backwards = { contents, access: "ALLOW", startsAt: later, endsAt: endsAt.toISOString() } as const;
  const problem = await api.refused(CreateLeaseDocument, { later, input: backwards }, "INVALID");
  assert.deepEqual(problem.field, ["input", "endsAt"]);
  return { allow: allow.id, deny: deny.id, endsAt };
}

/** An embargo holds until its end; the dates are set under the optimistic lock. */
export async function scheduleWin({ api, start }: Context, { site }: Channels, win: Win): Promise<void> {
  const before = await contentState(api, win.id);
  const releaseAt = daysAfter(start, 1);
  const expireAt = daysAfter(start, 60);
  const scheduled = await api.mutate(UpdateContentDocument, {
    input: {
      id: win.id,
      revision: before.revision,
      releaseAt: releaseAt.toISOString(),
      expireAt: expireAt.toISOString(),
    },
  });
  const embargoed = need(scheduled.content, "the scheduled content");
  assert.equal(embargoed.status, "SCHEDULED");
  assert.ok(embargoed.revision > before.revision, "the revision moved on");
  sameInstant(embargoed.expireAt, expireAt, "the expiry");

  const ask = { content: win.id, channel: site.slug };
  const now = await answer(api, ask);
  assertHeld(now, ["EMBARGOED"]);
  sameInstant(now.until, releaseAt, "the answer can change when the embargo ends");
  assertAvailable(await answer(api, { ...ask, at: daysAfter(releaseAt, 1).toISOString() }));

  const stale = { id: win.id, revision: before.revision, title: "Too late" };
  await api.refused(UpdateContentDocument, { input: stale }, "CONFLICT");

  const released = await api.mutate(UpdateContentDocument, {
    input: { id: win.id, revision: embargoed.revision, releaseAt: daysAfter(start, -1).toISOString() },
  });
  const active = need(released.content, "the released content");
  assert.equal(active.status, "ACTIVE");
  sameInstant(active.expireAt, expireAt, "a field that is absent stays as it was");
}

async function contentState(api: Api, id: string) {
  return found((await api.query(ContentStateByIdDocument, { id })).node, "the content");
}

async function answer(api: Api, ask: AvailabilityQueryVariables): Promise<AnswerFragment> {
  return found((await api.query(AvailabilityDocument, ask)).node, "the content").availability;
}

function reasons({ holds }: AnswerFragment): HoldReason[] {
  return holds.map((hold) => hold.reason);
}

function assertAvailable(result: AnswerFragment): void {
  assert.deepEqual(result.holds, [], "nothing should hold it");
  assert.equal(result.available, true);
}

/** Held, and for each of these reasons among others. */
function assertHeld(result: AnswerFragment, expected: ReadonlyArray<HoldReason>): void {
  assert.equal(result.available, false, "it should be held");
  const have = reasons(result);
  for (const reason of expected) assert.ok(have.includes(reason), `${reason} should be among the holds: ${have}`);
}

/** Available where leased and tagged, on the lease's terms, until it ends. */
export async function availableUntilLeaseEnds(
  { api }: Context,
  { product }: Catalog,
  { site, aPlus }: Channels,
  win: Win,
  badge: Badge,
  leases: Leases,
): Promise<void> {
  for (const content of [win.id, badge.id]) {
    const onSite = await answer(api, { content, channel: site.slug, locale: "zh-Hans", product: product.sku });
    assertAvailable(onSite);
    sameInstant(onSite.until, leases.endsAt, "the answer holds until the lease ends");
    assert.deepEqual(onSite.terms, TERMS);
  }
  const inSlot = await answer(api, { content: win.id, channel: aPlus.slug, locale: "en", product: product.id });
  assertAvailable(inSlot);
}

/** A bar on the slot, and the slot's own rule: both are named. */
export async function heldOnMainImage(
  { api }: Context,
  { product }: Catalog,
  { mainImage }: Channels,
  win: Win,
  badge: Badge,
  leases: Leases,
): Promise<void> {
  const ask = { channel: mainImage.slug, product: product.sku };
  const held = await answer(api, { content: win.id, ...ask });
  assertHeld(held, ["LEASE_DENIED", "CHANNEL_RULE"]);
  const denied = held.holds.find((hold) => hold.reason === "LEASE_DENIED");
  assert.equal(denied?.lease?.id, leases.deny, "the hold names its lease");
  const broken = held.holds.filter((hold) => hold.reason === "CHANNEL_RULE").flatMap((hold) => hold.findings);
  assert.ok(
    broken.some(({ check, severity }) => check === "ENDORSEMENTS" && severity === "ERROR"),
    `the hold names the rule: ${JSON.stringify(broken)}`,
  );

  const attached = await answer(api, { content: badge.id, ...ask });
  assertHeld(attached, ["LEASE_DENIED"]);
  assert.ok(
    attached.holds.some((hold) => hold.content.id === win.id),
    "an attached asset has the holds of its endorsement",
  );
}

/** The same question for other days, products, markets and places. */
export async function heldElsewhere(
  { api }: Context,
  { otherProduct }: Catalog,
  { site, amazon }: Channels,
  win: Win,
  creatorWin: CreatorWin,
  leases: Leases,
): Promise<void> {
  const onSite = { content: win.id, channel: site.slug };
  assertHeld(await answer(api, { ...onSite, at: daysAfter(leases.endsAt, 1).toISOString() }), ["LEASE_ENDED"]);
  assertAvailable(await answer(api, { ...onSite, at: new Date(leases.endsAt.getTime() - 1000).toISOString() }));
  assertHeld(await answer(api, { ...onSite, product: otherProduct.sku }), ["PRODUCT_MISMATCH"]);

  const unasked = await answer(api, onSite);
  assertAvailable(unasked);
  const warnings = unasked.warnings.map((warning) => warning.reason);
  assert.deepEqual(warnings, ["PRODUCT_MISMATCH"], "a lease bound to the product warns when no product is named");

  const creator = { content: creatorWin.id, channel: amazon.slug };
  assertHeld(await answer(api, creator), ["NOT_APPROVED", "OUT_OF_MARKET", "LEASE_MISSING", "EVIDENCE_MISSING"]);
  const inChina = await answer(api, { ...creator, market: "CN" });
  assert.ok(!reasons(inChina).includes("OUT_OF_MARKET"), "the market asked for goes before the channel's");
  assertHeld(await answer(api, { ...creator, channel: site.slug }), ["NOT_TAGGED"]);
}
