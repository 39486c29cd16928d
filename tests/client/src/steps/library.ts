import assert from "node:assert/strict";
import type { Context } from "../context";
import { eventually, ids, need, sameSet } from "../expect";
import {
  AssetsDocument,
  ChannelContentsDocument,
  EndorsementsDocument,
  SearchDocument,
  type AssetsQuery,
  type ChannelContentsQueryVariables,
} from "../generated";
import { BADGE_WORDS, type Badge, type Spare } from "./assets";
import type { Catalog } from "./catalog";
import type { Channels } from "./channels";
import { CHINESE_WORD, ENGLISH_WORD, type CreatorWin, type Win } from "./endorsements";
import type { Leases } from "./rights";

/** What a place may show: only what the gate lets out there. */
export async function listAvailable(
  { api }: Context,
  { brand, product, otherProduct }: Catalog,
  { site, mainImage }: Channels,
  win: Win,
  badge: Badge,
  leases: Leases,
): Promise<void> {
  const contents = async (variables: Omit<ChannelContentsQueryVariables, "slug">, slug = site.slug) => {
    const { channel } = await api.query(ChannelContentsDocument, { first: 10, ...variables, slug });
    return need(channel, slug).contents;
  };
  const both = await contents({ product: product.sku, locale: "en" });
  sameSet(ids(both.nodes), [win.id, badge.id], "the site may show the win and its badge");
  assert.equal(both.totalCount, 2);
  const wins = await contents({ kind: "ENDORSEMENT" });
  assert.deepEqual(wins.nodes.map(({ __typename, id }) => [__typename, id]), [["Endorsement", win.id]]);
  assert.equal((await contents({ product: otherProduct.sku })).totalCount, 0, "the lease is bound to one product");
  assert.equal((await contents({ at: leases.endsAt.toISOString() })).totalCount, 0, "nothing is left when the lease ends");
  assert.equal((await contents({}, mainImage.slug)).totalCount, 0);

  const filter = { brand: brand.slug, availableIn: site.slug };
  const { assets } = await api.query(AssetsDocument, { filter, first: 10 });
  assert.deepEqual(assets.edges.map(({ node }) => node.id), [badge.id]);
  assert.equal(assets.totalCount, 1);
}

export async function listPublished(
  { api }: Context,
  { brand }: Catalog,
  win: Win,
  creatorWin: CreatorWin,
): Promise<void> {
  const { endorsements } = await api.query(EndorsementsDocument, {
    filter: { brand: brand.id },
    orderBy: "PUBLISHED",
    first: 10,
  });
  assert.deepEqual(
    endorsements.edges.map(({ node }) => [node.id, node.publishedOn]),
    [
      [win.id, win.publishedOn],
      [creatorWin.id, creatorWin.publishedOn],
    ],
    "the latest published first",
  );
  assert.equal(endorsements.totalCount, 2);
}

/** One by one from either end: every asset once, in the same order. */
export async function pageBothWays(
  { api }: Context,
  { brand }: Catalog,
  badge: Badge,
  spare: Spare,
  copy: string,
): Promise<void> {
  const newestFirst = [copy, spare.id, badge.id];
  const page = async (window: { first: number; after?: string } | { last: number; before?: string }) => {
    const { assets } = await api.query(AssetsDocument, { filter: { brand: brand.id }, orderBy: "NEWEST", ...window });
    assert.equal(assets.totalCount, newestFirst.length);
    return assets;
  };
  const forwards: string[] = [];
  for (let after: string | undefined; ; ) {
    const { edges, pageInfo } = await page({ first: 1, ...(after && { after }) });
    forwards.push(onlyId(edges));
    assert.ok(forwards.length <= newestFirst.length, "the pages come to an end");
    if (!pageInfo.hasNextPage) break;
    after = need(pageInfo.endCursor, "the page's end");
  }
  assert.deepEqual(forwards, newestFirst);

  const backwards: string[] = [];
  for (let before: string | undefined; ; ) {
    const { edges, pageInfo } = await page({ last: 1, ...(before && { before }) });
    backwards.push(onlyId(edges));
    assert.ok(backwards.length <= newestFirst.length, "the pages come to an end");
    if (!pageInfo.hasPreviousPage) break;
    before = need(pageInfo.startCursor, "the page's start");
  }
  assert.deepEqual(backwards, newestFirst.toReversed());
  await api.denied(AssetsDocument, { first: 1, after: "no-such-cursor" }, "BAD_REQUEST");
}

function onlyId(edges: AssetsQuery["assets"]["edges"]): string {
  assert.equal(edges.length, 1, "a page of one");
  return need(edges[0], "the page's edge").node.id;
}

/** The channel's list is paged by cursors as well. */
export async function pageChannel({ api }: Context, { site }: Channels, win: Win, badge: Badge): Promise<void> {
  const page = async (after?: string) => {
    const { channel } = await api.query(ChannelContentsDocument, { slug: site.slug, first: 1, after });
    const { contents } = need(channel, site.slug);
    assert.equal(contents.nodes.length, 1);
    assert.equal(contents.totalCount, 2);
    return contents;
  };
  const first = await page();
  assert.equal(first.pageInfo.hasNextPage, true);
  const second = await page(need(first.pageInfo.endCursor, "the first page's end"));
  assert.equal(second.pageInfo.hasNextPage, false);
  sameSet([...ids(first.nodes), ...ids(second.nodes)], [win.id, badge.id], "two pages hold both, each once");
}

/** Words of the quotes, in either language; titles too; and nothing that was not said. */
export async function search({ api }: Context, { brand }: Catalog, win: Win, badge: Badge): Promise<void> {
  const finds = async (query: string, expected: ReadonlyArray<string>): Promise<void> => {
    const { search: hits } = await api.query(SearchDocument, { query, filter: { brand: brand.id }, first: 10 });
    assert.deepEqual(ids(hits.nodes), expected, `what a search for ${query} finds`);
    assert.equal(hits.totalCount, expected.length);
  };
  await eventually(5_000, () => finds(ENGLISH_WORD, [win.id]));
  await finds(CHINESE_WORD, [win.id]);
  await finds(BADGE_WORDS, [badge.id]);
  await finds("kerfuffle", []);
}
