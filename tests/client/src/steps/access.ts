import assert from "node:assert/strict";
import type { Api } from "../api";
import type { Context } from "../context";
import { eventually, found, ids, need, sameSet } from "../expect";
import {
  AssetsDocument,
  AuditLogDocument,
  ChannelContentsDocument,
  CreateAccessTokenDocument,
  EndorsementsDocument,
  HistoryDocument,
  LeasesDocument,
  LookAroundDocument,
  MeDocument,
  NodeDocument,
  NodesDocument,
  RevokeAccessTokenDocument,
  SearchDocument,
  type AuditLogQuery,
  type ContentFilter,
  type CreateAccessTokenInput,
  type EntryFragment,
} from "../generated";
import { createCopy, type Badge } from "./assets";
import { assertTypeId, createBrand, type Catalog } from "./catalog";
import type { Channels } from "./channels";
import { CHINESE_WORD, ENGLISH_WORD, type Win } from "./endorsements";
import type { Reviewer } from "./reviews";

/** How soon a revoked token has to be refused. */
const REVOKED_WITHIN_MS = 2_000;

export interface Bearer {
  readonly id: string;
  readonly api: Api;
}

async function createToken({ api }: Context, input: CreateAccessTokenInput): Promise<Bearer> {
  const payload = await api.mutate(CreateAccessTokenDocument, { input });
  const token = need(payload.token, "the new token");
  assertTypeId(token.id);
  assert.equal(token.name, input.name);
  sameSet(token.scopes, input.scopes, "the token's scopes");
  const bearer = api.as(need(payload.secret, "the token's secret"));
  const { me } = await bearer.query(MeDocument, {});
  assert.deepEqual(me, { __typename: "AccessToken", id: token.id }, "the secret is that token's");
  return { id: token.id, api: bearer };
}

export async function createReviewer(context: Context, { brand }: Catalog): Promise<Reviewer> {
  const name = `reviewer ${context.suffix}`;
  return createToken(context, { name, scopes: ["READ", "REVIEW"], brands: [brand.id] });
}

async function revoke({ api }: Context, { id, api: bearer }: Bearer): Promise<void> {
  const payload = await api.mutate(RevokeAccessTokenDocument, { input: { token: id } });
  assert.equal(payload.token?.id, id);
  await eventually(REVOKED_WITHIN_MS, () => bearer.denied(MeDocument, {}, "UNAUTHENTICATED"));
}

export interface Stranger extends Bearer {
  readonly brand: string;
  readonly asset: string;
}

/** What another brand's token may not see does not exist for it, however it asks. */
export async function seeNothingOfOthers(
  context: Context,
  { brand, product, press }: Catalog,
  { site }: Channels,
  win: Win,
  badge: Badge,
  everything: ReadonlyArray<string>,
): Promise<Stranger> {
  const other = await createBrand(context, `southwind-${context.suffix}`);
  const asset = await createCopy(context, other.id);
  const name = `stranger ${context.suffix}`;
  const stranger = await createToken(context, { name, scopes: ["READ"], brands: [other.id] });
  const { api } = stranger;

  const around = await api.query(LookAroundDocument, { site: site.slug, sku: product.sku });
  assert.deepEqual(ids(around.brands), [other.id]);
  assert.deepEqual([around.assets.totalCount, ids(around.assets.nodes)], [1, [asset]]);
  assert.deepEqual(around.endorsements, { totalCount: 0, nodes: [] });
  assert.deepEqual(around.products, { totalCount: 0, nodes: [] });
  assert.equal(around.channel?.contents.totalCount ?? 0, 0);

  const filters: ContentFilter[] = [
    { ids: [win.id, badge.id] },
    { brand: brand.id },
    { tags: [context.suffix] },
    { product: [product.id] },
    { product: [product.sku] },
    { channel: [site.id] },
    { outlet: [press] },
    { availableIn: site.id },
    { status: ["ACTIVE"] },
  ];
  for (const filter of filters) {
    const { assets } = await api.query(AssetsDocument, { filter, first: 10 });
    assert.deepEqual([assets.totalCount, assets.edges], [0, []], `assets by ${JSON.stringify(filter)}`);
    const { endorsements } = await api.query(EndorsementsDocument, { filter, first: 10 });
    assert.deepEqual([endorsements.totalCount, endorsements.edges], [0, []], `wins by ${JSON.stringify(filter)}`);
  }
  for (const query of [ENGLISH_WORD, CHINESE_WORD]) {
    const { search } = await api.query(SearchDocument, { query, first: 10 });
    assert.deepEqual([search.totalCount, search.nodes], [0, []], `a search for ${query}`);
  }
  const { nodes } = await api.query(NodesDocument, { ids: [...everything] });
  assert.deepEqual(nodes, everything.map(() => null), "none of the other brand's nodes");
  assert.equal((await api.query(NodeDocument, { id: win.id })).node, null);
  return { ...stranger, brand: other.id, asset };
}

export async function revokeStranger(context: Context, stranger: Stranger): Promise<void> {
  assert.equal((await stranger.api.query(NodeDocument, { id: stranger.asset })).node?.id, stranger.asset);
  await revoke(context, stranger);
}

/** A page's token: what the gate lets out in its channel, and nothing internal. */
export async function readInPublic(
  context: Context,
  { brand }: Catalog,
  { site, amazon }: Channels,
  win: Win,
  badge: Badge,
): Promise<void> {
  const page = await createToken(context, {
    name: `page ${context.suffix}`,
    scopes: ["READ_PUBLIC"],
    channels: [site.slug],
    brands: [brand.id],
  });
  const { channel } = await page.api.query(ChannelContentsDocument, { slug: site.slug, first: 10 });
  const { nodes, totalCount } = need(channel, "the token's channel").contents;
  sameSet(ids(nodes), [win.id, badge.id], "what the site may show");
  assert.equal(totalCount, 2);

  const elsewhere = await page.api.query(ChannelContentsDocument, { slug: amazon.slug, first: 10 });
  assert.equal(elsewhere.channel?.contents.totalCount ?? 0, 0, "a channel that is not the token's");
  await page.api.denied(LeasesDocument, { id: win.id }, "FORBIDDEN");
  await page.api.denied(AuditLogDocument, { first: 1 }, "FORBIDDEN");
  const unlimited = { name: "no channels", scopes: ["READ_PUBLIC"], brands: [brand.id] } as const;
  await context.api.refused(CreateAccessTokenDocument, { input: unlimited }, "REQUIRED");
}

/** Every change has its entry: in the whole log, and in the content's own history. */
export async function readAudit({ api }: Context, me: string, reviewer: Reviewer, win: Win): Promise<void> {
  const load = async () => {
    const { history } = found((await api.query(HistoryDocument, { id: win.id, first: 100 })).node, "the win");
    return history;
  };
  const history = await load();
  assert.ok(history.totalCount >= 5, `the win was changed more often than ${history.totalCount} times`);
  const actors = new Set(history.nodes.map(({ actor }) => ("id" in actor ? actor.id : "system")));
  assert.ok(actors.has(me), "what the administrator did is in the history");
  assert.ok(actors.has(reviewer.id), "and what the reviewer did");

  await eventually(5_000, async () => {
    const { nodes } = await load();
    for (const entry of nodes) assert.ok(entry.hash !== null, `${entry.action} is sealed`);
    assertChained(nodes);
  });
  await assertLogged(api, win.id);
}

/** Entries that follow each other in the chain are linked by their hashes. */
function assertChained(entries: ReadonlyArray<EntryFragment>): void {
  const bySequence = new Map(entries.map((entry) => [need(entry.sequence, "the entry's place in the chain"), entry]));
  assert.equal(bySequence.size, entries.length, "no two entries have one place");
  for (const [sequence, entry] of bySequence) {
    const previous = bySequence.get(sequence - 1);
    if (previous) assert.equal(entry.previousHash, previous.hash, `entry ${sequence} follows ${sequence - 1}`);
  }
}

async function assertLogged(api: Api, subject: string): Promise<void> {
  let after: string | null = null;
  do {
    const { auditLog }: AuditLogQuery = await api.query(AuditLogDocument, { first: 100, after });
    if (auditLog.nodes.some((entry) => entry.subject?.id === subject)) return;
    after = auditLog.pageInfo.hasNextPage ? need(auditLog.pageInfo.endCursor, "the page's end") : null;
  } while (after !== null);
  assert.fail("the win's entries should be in the audit log");
}

/** The reviewer's work is done. */
export async function endReviewer(context: Context, reviewer: Reviewer): Promise<void> {
  await revoke(context, reviewer);
}
