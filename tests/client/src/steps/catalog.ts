import assert from "node:assert/strict";
import type { Context } from "../context";
import { need } from "../expect";
import {
  CreateAudienceDocument,
  CreateBrandDocument,
  CreateOutletDocument,
  CreateProductDocument,
  MeDocument,
  type CreateOutletInput,
} from "../generated";

const TYPE_ID = /^[a-z][a-z_]*_[0-7][0-9a-hjkmnp-tv-z]{25}$/;

/** Ids are TypeIDs: a prefix, and a UUID in base32. */
export function assertTypeId(id: string): void {
  assert.match(id, TYPE_ID, `${id} should be a TypeID`);
}

/** The administrator's own id; without a token there is nobody. */
export async function signIn({ api }: Context): Promise<string> {
  const { me } = await api.query(MeDocument, {});
  assert.notEqual(me.__typename, "System", "ACCOLADE_TOKEN should belong to somebody");
  assert.ok("id" in me);
  assertTypeId(me.id);
  await api.as(null).denied(MeDocument, {}, "UNAUTHENTICATED");
  await api.as("no-such-token").denied(MeDocument, {}, "UNAUTHENTICATED");
  return me.id;
}

export interface Named {
  readonly id: string;
  readonly slug: string;
}
export interface Sku {
  readonly id: string;
  readonly sku: string;
}
export interface Catalog {
  readonly brand: Named;
  readonly product: Sku;
  readonly otherProduct: Sku;
  readonly press: string;
  readonly creator: string;
  readonly audience: Named;
}

export async function createCatalog(context: Context): Promise<Catalog> {
  const { suffix } = context;
  const brand = await createBrand(context, `northlight-${suffix}`);
  return {
    brand,
    product: await createProduct(context, brand, `NL-1-${suffix}`),
    otherProduct: await createProduct(context, brand, `NL-2-${suffix}`),
    press: await createOutlet(context, {
      name: `The Lamp Gazette ${suffix}`,
      kind: "PRESS",
      tier: 1,
      domain: `gazette-${suffix}.example`,
    }),
    creator: await createOutlet(context, { name: `Lena Builds ${suffix}`, kind: "CREATOR" }),
    audience: await createAudience(context, `makers-${suffix}`),
  };
}

export async function createBrand({ api }: Context, slug: string): Promise<Named> {
  const name = `Brand ${slug}`;
  const payload = await api.mutate(CreateBrandDocument, { input: { name, slug } });
  const brand = need(payload.brand, "the new brand");
  assertTypeId(brand.id);
  assert.equal(brand.slug, slug);
  assert.equal(brand.name, name);
  return brand;
}

async function createProduct({ api }: Context, brand: Named, sku: string): Promise<Sku> {
  const payload = await api.mutate(CreateProductDocument, {
    input: { brand: brand.slug, sku, name: `Desk lamp ${sku}`, category: "lamps", edition: "2026" },
  });
  const product = need(payload.product, "the new product");
  assertTypeId(product.id);
  assert.equal(product.sku, sku);
  assert.equal(product.edition, "2026");
  assert.equal(product.brand.id, brand.id, "the brand was named by its slug");
  return product;
}

async function createOutlet({ api }: Context, input: CreateOutletInput): Promise<string> {
  const outlet = need((await api.mutate(CreateOutletDocument, { input })).outlet, "the new outlet");
  assertTypeId(outlet.id);
  assert.equal(outlet.kind, input.kind);
  assert.equal(outlet.tier, input.tier ?? null);
  assert.equal(outlet.domain, input.domain ?? null);
  return outlet.id;
}

async function createAudience({ api }: Context, slug: string): Promise<Named> {
  const payload = await api.mutate(CreateAudienceDocument, { input: { name: "Makers", slug } });
  const audience = need(payload.audience, "the new audience");
  assertTypeId(audience.id);
  assert.equal(audience.slug, slug);
  return audience;
}

/** The same clientMutationId runs nothing twice; with another input it is a mistake; a taken slug is refused. */
export async function retrySafely({ api, suffix }: Context): Promise<void> {
  const input = { name: "Once", slug: `once-${suffix}`, clientMutationId: `story-${suffix}` };
  const first = await api.mutate(CreateBrandDocument, { input });
  const again = await api.mutate(CreateBrandDocument, { input });
  assert.equal(need(again.brand, "the replayed brand").id, need(first.brand, "the new brand").id);
  assert.equal(again.clientMutationId, input.clientMutationId);
  await api.refused(CreateBrandDocument, { input: { ...input, name: "Twice" } }, "IDEMPOTENCY_CONFLICT");
  const taken = await api.refused(CreateBrandDocument, { input: { name: "Twice", slug: input.slug } }, "TAKEN");
  assert.deepEqual(taken.field, ["input", "slug"]);
}
