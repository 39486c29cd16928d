import assert from "node:assert/strict";
import { dayOf, type Context } from "../context";
import { need, sameSet } from "../expect";
import {
  ChannelTreeDocument,
  CreateChannelDocument,
  UpdateChannelDocument,
  type CreateChannelInput,
  type PlaceFragment,
  type RuleCheck,
} from "../generated";
import { assertTypeId } from "./catalog";

export interface Channels {
  readonly site: PlaceFragment;
  readonly amazon: PlaceFragment;
  readonly mainImage: PlaceFragment;
  readonly gallery: PlaceFragment;
  readonly aPlus: PlaceFragment;
}

/** A site, and a marketplace with its slots; what each demands comes from a built-in template. */
export async function createChannels(context: Context): Promise<Channels> {
  const { suffix } = context;
  const site = await createChannel(context, {
    slug: `site-${suffix}`,
    name: "Our site",
    kind: "SITE",
    template: "site",
  });
  const amazon = await createChannel(context, {
    slug: `amz-${suffix}`,
    name: "Amazon.com",
    kind: "MARKETPLACE",
    market: "US",
    template: "amazon",
  });
  const slot = (name: string, template: string): Promise<PlaceFragment> =>
    createChannel(context, {
      slug: `${amazon.slug}.${name}`,
      name: `Amazon.com, ${name}`,
      kind: "MARKETPLACE",
      parent: amazon.slug,
      template,
    });
  const channels = {
    site,
    amazon,
    mainImage: await slot("main-image", "amazon-main-image"),
    gallery: await slot("gallery", "amazon-gallery"),
    aPlus: await slot("a-plus", "amazon-a-plus"),
  };

  assert.equal(site.public, true, "a site answers without a token unless told otherwise");
  assert.equal(amazon.market, "US");
  assertDemands(channels.mainImage, ["ENDORSEMENTS", "WHITE_BACKGROUND"]);
  assertDemands(channels.aPlus, ["MAX_ENDORSEMENTS"]);
  await assertTree(context, channels);
  return channels;
}

async function createChannel({ api }: Context, input: CreateChannelInput): Promise<PlaceFragment> {
  const channel = need((await api.mutate(CreateChannelDocument, { input })).channel, "the new channel");
  assertTypeId(channel.id);
  assert.equal(channel.slug, input.slug);
  assert.equal(channel.kind, input.kind);
  assert.ok(channel.rules.length > 0, `the template ${input.template} should bring rules to ${channel.slug}`);
  return channel;
}

function assertDemands(channel: PlaceFragment, checks: ReadonlyArray<RuleCheck>): void {
  const have = channel.rules.map((rule) => rule.check);
  for (const check of checks) assert.ok(have.includes(check), `${channel.slug} should have a rule ${check}: ${have}`);
}

async function assertTree({ api }: Context, { amazon, mainImage, gallery, aPlus }: Channels): Promise<void> {
  const tree = need((await api.query(ChannelTreeDocument, { slug: amazon.slug })).channel, amazon.slug);
  assert.equal(tree.id, amazon.id);
  sameSet(
    tree.children.map((child) => child.slug),
    [mainImage.slug, gallery.slug, aPlus.slug],
    "the slots are the children of their channel",
  );
  for (const child of tree.children) assert.equal(child.parent?.slug, amazon.slug);
}

/** Operators change their minds: a rule carries the day it was read and the page it was read on. */
export async function addDatedRule({ api, start }: Context, { site }: Channels): Promise<void> {
  const rule = {
    check: "MAX_AGE_MONTHS",
    value: 36,
    severity: "ERROR",
    message: "Nothing older than three years on our own pages",
    source: "https://example.com/brand-policy",
    checkedOn: dayOf(start),
  } as const;
  const { channel } = await api.mutate(UpdateChannelDocument, {
    input: { channel: site.slug, rules: [...site.rules, rule] },
  });
  const updated = need(channel, "the updated channel");
  const added = updated.rules.find(({ message }) => message === rule.message);
  assert.deepEqual(added, rule, "the rule is kept as it was sent");
  for (const { check } of site.rules) assertDemands(updated, [check]);
}
