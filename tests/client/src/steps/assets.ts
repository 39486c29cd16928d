import assert from "node:assert/strict";
import { sha256, type Context } from "../context";
import { eventually, found, ids, need } from "../expect";
import {
  AddAssetVersionDocument,
  AssetByIdDocument,
  CreateAssetDocument,
  type AssetCardFragment,
  type BytesFragment,
} from "../generated";
import { picture } from "../png";
import { assertTypeId, type Catalog } from "./catalog";
import type { Channels } from "./channels";

const EDGE = 2000;

/** The badge's title, which nothing else in the brand has. */
export const BADGE_WORDS = "golden seal";

export interface Picture {
  readonly bytes: Buffer;
  readonly sha256: string;
}
export interface Badge {
  readonly id: string;
  readonly first: Picture;
  readonly second: Picture;
  readonly firstVersion: string;
}

/** Uploads a PNG under a JPEG's name: what it is follows from its bytes. */
export async function uploadBadge(
  { api, suffix }: Context,
  me: string,
  { brand, product }: Catalog,
  { site, amazon }: Channels,
): Promise<Badge> {
  const first = paint([201, 138, 27], `first ${suffix}`);
  const { asset } = await api.mutate(CreateAssetDocument, {
    input: {
      brand: brand.id,
      title: `${BADGE_WORDS} ${suffix}`,
      kind: "BADGE",
      tags: ["award", suffix],
      products: [product.sku],
      channels: [site.slug, amazon.id],
      file: { upload: new File([new Uint8Array(first.bytes)], "photo.jpg", { type: "image/jpeg" }) },
    },
  });
  const badge = need(asset, "the new asset");
  assertTypeId(badge.id);
  assert.equal(badge.kind, "BADGE");
  assert.equal(badge.status, "DRAFT");
  assert.equal(badge.brand.id, brand.id);
  assert.deepEqual(ids(badge.products), [product.id], "the product was named by its SKU");
  assert.deepEqual([...badge.tags].sort(), ["award", suffix].sort());
  assert.equal("id" in badge.createdBy && badge.createdBy.id, me);
  assert.equal(badge.version, null, "nothing is approved yet");
  assert.equal(badge.latestVersion.number, 1);
  assert.equal(badge.latestVersion.state, "DRAFT");
  assertBytes(badge.latestVersion.file, first);
  await assertMeasured(api, badge);
  return {
    id: badge.id,
    first,
    second: paint([27, 110, 201], `second ${suffix}`),
    firstVersion: badge.latestVersion.id,
  };
}

function paint(colour: [number, number, number], note: string): Picture {
  const bytes = picture(EDGE, colour, note);
  return { bytes, sha256: sha256(bytes) };
}

function assertBytes(file: BytesFragment | null, { bytes, sha256: hash }: Picture): void {
  const stored = need(file, "the stored file");
  assert.equal(stored.sha256, hash, "the server's hash is that of the bytes sent");
  assert.equal(stored.bytes, bytes.length);
  assert.equal(stored.mediaType, "image/png", "the type comes from the bytes, not from the name");
}

async function assertMeasured(api: Context["api"], { id }: AssetCardFragment): Promise<void> {
  await eventually(10_000, async () => {
    const asset = found((await api.query(AssetByIdDocument, { id })).node, "the asset");
    const file = need(asset.latestVersion.file, "the stored file");
    assert.deepEqual([file.width, file.height], [EDGE, EDGE], "the picture's size is measured");
  });
}

/** Other bytes make version 2 of the same asset. */
export async function addSecondVersion({ api }: Context, badge: Badge): Promise<string> {
  const payload = await api.mutate(AddAssetVersionDocument, {
    input: {
      asset: badge.id,
      note: "A cooler blue",
      file: { upload: new File([new Uint8Array(badge.second.bytes)], "badge.png", { type: "image/png" }) },
    },
  });
  const version = need(payload.version, "the new version");
  assertTypeId(version.id);
  assert.equal(version.number, 2);
  assert.equal(version.state, "DRAFT");
  assertBytes(version.file, badge.second);
  assert.equal(need(payload.asset, "the asset").latestVersion.id, version.id);
  return version.id;
}

export interface Spare {
  readonly id: string;
  readonly version: string;
}

/** Bytes that the caller has stored before need not be sent again; a hash it never stored is no right to anything. */
export async function reuseBytes({ api, suffix }: Context, { brand }: Catalog, badge: Badge): Promise<Spare> {
  const input = { brand: brand.id, title: `Spare ${suffix}`, kind: "IMAGE" } as const;
  const payload = await api.mutate(CreateAssetDocument, {
    input: { ...input, file: { sha256: badge.first.sha256 } },
  });
  const spare = need(payload.asset, "the second asset");
  assert.notEqual(spare.id, badge.id);
  assertBytes(spare.latestVersion.file, badge.first);

  const neverStored = sha256(Buffer.from(`never stored ${suffix}`));
  await api.refused(CreateAssetDocument, { input: { ...input, file: { sha256: neverStored } } }, "NOT_FOUND");
  return { id: spare.id, version: spare.latestVersion.id };
}

/** An asset may also be a text. */
export async function createCopy({ api, suffix }: Context, brand: string): Promise<string> {
  const text = `Light where you need it. ${suffix}`;
  const payload = await api.mutate(CreateAssetDocument, {
    input: { brand, title: `Slogan ${suffix}`, kind: "COPY", locale: "en", text },
  });
  const copy = need(payload.asset, "the new text");
  assert.equal(copy.kind, "COPY");
  assert.equal(copy.latestVersion.text, text);
  assert.equal(copy.latestVersion.file, null);
  return copy.id;
}
