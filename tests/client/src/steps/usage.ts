import assert from "node:assert/strict";
import type { Context } from "../context";
import { found, ids, need } from "../expect";
import {
  ContentUsageDocument,
  CreatePlacementDocument,
  PlacementUsageDocument,
  RecordUsageDocument,
  TrashContentDocument,
  type TotalsFragment,
  type UsageEventInput,
} from "../generated";
import type { Badge, Spare } from "./assets";
import { assertTypeId, type Catalog } from "./catalog";
import type { Channels } from "./channels";
import type { Win } from "./endorsements";

export interface Placed {
  readonly id: string;
  readonly beaconKey: string;
}
export interface Placements {
  readonly win: Placed;
  readonly badge: Placed;
}

/** The win and its badge go live on a product's page; where the gate refuses, nothing goes live. */
export async function placeLive(
  { api, suffix }: Context,
  { product, audience }: Catalog,
  { site, mainImage }: Channels,
  win: Win,
  badge: Badge,
): Promise<Placements> {
  const place = async (content: string, version: number, slot: string): Promise<Placed> => {
    const location = `https://example.com/lamps/${suffix}#${slot}`;
    const payload = await api.mutate(CreatePlacementDocument, {
      input: {
        content,
        channel: site.slug,
        product: product.sku,
        audience: audience.slug,
        location,
        url: location,
        status: "LIVE",
      },
    });
    const placement = need(payload.placement, "the new placement");
    assertTypeId(placement.id);
    assert.equal(placement.status, "LIVE");
    assert.equal(placement.stale, false);
    assert.equal(placement.location, location);
    assert.equal(placement.content.id, content);
    assert.equal(placement.version.number, version, "the current version, when none is named");
    assert.equal(placement.channel.id, site.id);
    assert.equal(placement.product?.id, product.id);
    assert.equal(placement.audience?.id, audience.id);
    assert.ok(placement.liveFrom, "live from now on");
    assert.equal(placement.liveTo, null);
    return { id: placement.id, beaconKey: placement.beaconKey };
  };
  const placements = { win: await place(win.id, 2, "quote"), badge: await place(badge.id, 1, "badge") };

  const barred = { content: win.id, channel: mainImage.slug, location: "main image", status: "LIVE" } as const;
  await api.refused(CreatePlacementDocument, { input: barred }, "NOT_AVAILABLE");
  return placements;
}

/** Each event counts once, however often it is sent. */
export async function countUsage(
  { api, suffix }: Context,
  { win, badge }: Placements,
  theWin: Win,
  theBadge: Badge,
): Promise<void> {
  const event = (id: string, rest: Omit<UsageEventInput, "id">): UsageEventInput => ({ id: `${suffix}-${id}`, ...rest });
  const seen = (id: string, { beaconKey }: Placed): UsageEventInput => event(id, { kind: "IMPRESSION", beaconKey });
  const click = event("click", { kind: "CLICK", beaconKey: win.beaconKey });
  const order = event("order", {
    kind: "ORDER",
    beaconKey: win.beaconKey,
    value: { amount: "129.90", currency: "USD" },
  });
  const record = async (events: UsageEventInput[]) => {
    const { accepted, duplicates } = await api.mutate(RecordUsageDocument, { input: { events } });
    return { accepted, duplicates };
  };

  const first = [1, 2, 3, 4].map((n) => seen(`seen-${n}`, win));
  assert.deepEqual(await record([...first, click, click]), { accepted: 5, duplicates: 1 }, "twice in one call");
  assert.deepEqual(
    await record([click, order, seen("badge-1", badge), seen("badge-2", badge)]),
    { accepted: 3, duplicates: 1 },
    "again in another call",
  );

  const placed = found((await api.query(PlacementUsageDocument, { id: win.id })).node, "the placement");
  assertTotals(placed.usage, { impressions: 4, clicks: 1, orders: 1, revenue: "129.90" });
  const ofBadge = found((await api.query(ContentUsageDocument, { id: theBadge.id })).node, "the badge");
  assertTotals(ofBadge.usage, { impressions: 2, clicks: 0, orders: 0 });
  const ofWin = found((await api.query(ContentUsageDocument, { id: theWin.id })).node, "the win");
  assertTotals(ofWin.usage, { impressions: 6, clicks: 1, orders: 1, revenue: "129.90" });
  assert.ok(ids(ofWin.placements.nodes).includes(win.id), "the win's live placement is listed");
}

interface Expected {
  readonly impressions: number;
  readonly clicks: number;
  readonly orders: number;
  readonly revenue?: string;
}

function assertTotals(totals: TotalsFragment, { revenue, ...counts }: Expected): void {
  const { impressions, clicks, orders, downloads, inquiries } = totals;
  assert.deepEqual({ impressions, clicks, orders }, counts);
  assert.deepEqual({ downloads, inquiries }, { downloads: 0, inquiries: 0 });
  const sums = totals.revenue.map(({ amount, currency }) => [Number(amount), currency]);
  assert.deepEqual(sums, revenue === undefined ? [] : [[Number(revenue), "USD"]]);
  assert.ok(Math.abs(need(totals.clickRate, "the click rate") - counts.clicks / counts.impressions) < 1e-6);
}

/** What is live cannot be thrown away; what is not, can. */
export async function trash({ api }: Context, win: Win, badge: Badge, spare: Spare): Promise<void> {
  for (const id of [win.id, badge.id]) await api.refused(TrashContentDocument, { input: { id } }, "IN_USE");
  const trashed = await api.mutate(TrashContentDocument, { input: { id: spare.id } });
  assert.equal(need(trashed.content, "the trashed content").status, "TRASHED");
}
