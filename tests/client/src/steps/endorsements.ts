import assert from "node:assert/strict";
import { dayOf, daysAfter, sha256, type Context } from "../context";
import { eventually, found, ids, need, sameSet } from "../expect";
import {
  AddEndorsementVersionDocument,
  AddEvidenceDocument,
  CreateEndorsementDocument,
  DecideClaimDocument,
  EndorsementByIdDocument,
  RecheckEndorsementDocument,
  StatementInDocument,
  type WordingInput,
} from "../generated";
import { picture } from "../png";
import type { Badge } from "./assets";
import { assertTypeId, type Catalog } from "./catalog";
import type { Channels } from "./channels";

const RECHECK_EVERY_DAYS = 365;
const CLAIM = "Flicker-free at every brightness";

/** Words of the quotes, which the search has to find again. */
export const ENGLISH_WORD = "featherlight";
export const CHINESE_WORD = "推荐";

export interface Win {
  readonly id: string;
  readonly firstVersion: string;
  readonly claim: string;
  readonly publishedOn: string;
}

function wording(headline: string): WordingInput {
  return {
    byline: "Ada Chen",
    rating: "4.5",
    ratingScale: "5",
    materialConnection: "GIFTED",
    statements: [
      {
        locale: "en",
        isOriginal: true,
        headline,
        quote: `A ${ENGLISH_WORD} desk lamp that we kept on our own desks.`,
        disclosure: "The maker gave us the lamp for this review.",
      },
      {
        locale: "zh-Hans",
        headline: "年度台灯",
        quote: "它出现在我们的春节联合推荐视频里，轻巧得让人忘了它的存在。",
        disclosure: "评测所用台灯由厂商赠送。",
      },
    ],
  };
}

/** A press review in two languages, with what it claims, where it is meant for, and the badge that goes with it. */
export async function createWin(
  { api, start, suffix }: Context,
  { brand, product, press, audience }: Catalog,
  { site, amazon }: Channels,
  badge: Badge,
): Promise<Win> {
  const publishedOn = dayOf(daysAfter(start, -30));
  const payload = await api.mutate(CreateEndorsementDocument, {
    input: {
      brand: brand.slug,
      title: `Gazette review ${suffix}`,
      outlet: press,
      kind: "REVIEW",
      publishedOn,
      recheckEveryDays: RECHECK_EVERY_DAYS,
      wording: wording("Our lamp of the year"),
      claims: [{ text: CLAIM, product: product.sku }],
      products: [product.id],
      channels: [site.id, amazon.slug],
      audiences: [audience.slug],
      assets: [badge.id],
      tags: ["review"],
    },
  });
  const win = need(payload.endorsement, "the new endorsement");
  assertTypeId(win.id);
  assert.equal(win.status, "DRAFT");
  assert.equal(win.kind, "REVIEW");
  assert.equal(win.publishedOn, publishedOn);
  assert.equal(win.outlet.id, press);
  assert.deepEqual(ids(win.products), [product.id]);
  assert.deepEqual(ids(win.audiences), [audience.id]);
  assert.deepEqual(ids(win.assets), [badge.id]);
  sameSet(ids(win.channels), [site.id, amazon.id], "the channel tags, named by id and by slug");
  assert.deepEqual(win.evidence, []);

  const version = win.latestVersion;
  assert.equal(version.number, 1);
  assert.equal(version.byline, "Ada Chen");
  assert.equal(Number(version.rating), 4.5);
  assert.equal(Number(version.ratingScale), 5);
  assert.equal(version.materialConnection, "GIFTED");
  sameSet(
    version.statements.map(({ locale, isOriginal }) => `${locale} ${isOriginal}`),
    ["en true", "zh-Hans false"],
    "one statement for each language, one of them the original",
  );

  const [claim, ...more] = win.claims;
  assert.deepEqual(more, []);
  assert.equal(claim?.state, "PROPOSED");
  assert.equal(claim.text, CLAIM);
  assert.equal(claim.product.id, product.id);
  return { id: win.id, firstVersion: version.id, claim: claim.id, publishedOn };
}

export interface CreatorWin {
  readonly id: string;
  readonly publishedOn: string;
}

/** What a creator said; older, and for one market only. */
export async function createCreatorWin(
  { api, start, suffix }: Context,
  { brand, product, creator }: Catalog,
  { amazon }: Channels,
): Promise<CreatorWin> {
  const publishedOn = dayOf(daysAfter(start, -90));
  const payload = await api.mutate(CreateEndorsementDocument, {
    input: {
      brand: brand.id,
      title: `Bench video ${suffix}`,
      outlet: creator,
      kind: "QUOTE",
      publishedOn,
      wording: { statements: [{ locale: "en", isOriginal: true, headline: "On my bench", quote: "It stays." }] },
      products: [product.id],
      channels: [amazon.id],
      markets: ["CN"],
    },
  });
  const win = need(payload.endorsement, "the creator's endorsement");
  assert.equal(win.latestVersion.materialConnection, "NONE", "NONE unless said otherwise");
  return { id: win.id, publishedOn };
}

/** A better headline is a new version; the first stays as it was. */
export async function rewordWin({ api }: Context, win: Win): Promise<string> {
  const headline = "The lamp of our year";
  const payload = await api.mutate(AddEndorsementVersionDocument, {
    input: { endorsement: win.id, wording: wording(headline), note: "Headline as printed" },
  });
  const version = need(payload.version, "the new version");
  assert.equal(version.number, 2);
  assert.equal(version.state, "DRAFT");
  assert.equal(version.statements.find(({ isOriginal }) => isOriginal)?.headline, headline);
  assert.notEqual(version.id, win.firstVersion);
  return version.id;
}

/** The page as it stood, as a file. */
export async function addEvidence({ api, suffix }: Context, win: Win): Promise<string> {
  const bytes = picture(600, [240, 240, 240], `evidence ${suffix}`);
  const note = "Page 12 of the printed issue";
  const payload = await api.mutate(AddEvidenceDocument, {
    input: { endorsement: win.id, note, file: { upload: new File([new Uint8Array(bytes)], "page-12.png") } },
  });
  const evidence = need(payload.evidence, "the new evidence");
  assertTypeId(evidence.id);
  assert.equal(evidence.note, note);
  await eventually(10_000, async () => {
    const { evidence: all } = await load(api, win.id);
    assert.deepEqual(ids(all), [evidence.id]);
    assert.equal(all[0]?.state, "CURRENT");
    assert.equal(all[0].file?.sha256, sha256(bytes));
  });
  return evidence.id;
}

export async function confirmClaim({ api }: Context, me: string, win: Win): Promise<void> {
  const payload = await api.mutate(DecideClaimDocument, {
    input: { claim: win.claim, state: "CONFIRMED", note: "Measured in our lab" },
  });
  const claim = need(payload.claim, "the decided claim");
  assert.equal(claim.id, win.claim);
  assert.equal(claim.state, "CONFIRMED");
  assert.ok(claim.decidedAt, "the time of the decision is kept");
  assert.ok(claim.decidedBy && "id" in claim.decidedBy);
  assert.equal(claim.decidedBy.id, me);
}

/** The page still says it: the next look is due an interval from now. */
export async function recheckWin({ api }: Context, win: Win): Promise<void> {
  const payload = await api.mutate(RecheckEndorsementDocument, {
    input: { endorsement: win.id, stillSaid: true, note: "Looked it up" },
  });
  const dueAt = need(need(payload.endorsement, "the endorsement").recheckDueAt, "when to look again");
  const expected = daysAfter(new Date(), RECHECK_EVERY_DAYS);
  const offByHours = Math.abs(new Date(dueAt).getTime() - expected.getTime()) / 3_600_000;
  assert.ok(offByHours <= 24, `the next look should be due about ${expected.toISOString()}, not ${dueAt}`);
}

/** The current version's words, in the language asked for or the nearest to it. */
export async function readStatements({ api }: Context, win: Win): Promise<void> {
  const localeFor = async (locale: string): Promise<string> => {
    const { statement } = found((await api.query(StatementInDocument, { id: win.id, locale })).node, "the endorsement");
    return need(statement, `a statement for ${locale}`).locale;
  };
  assert.equal(await localeFor("zh-Hans"), "zh-Hans");
  assert.equal(await localeFor("zh-Hans-CN"), "zh-Hans", "best match by BCP 47 lookup");
  assert.equal(await localeFor("en-US"), "en");
  assert.equal(await localeFor("fr"), "en", "the original where no translation fits");
}

async function load(api: Context["api"], id: string) {
  return found((await api.query(EndorsementByIdDocument, { id })).node, "the endorsement");
}
