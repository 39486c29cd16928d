/**
 * The story of a win, told to a started server through a GraphQL client and the types generated from its schema:
 * logged, made, cleared, leased, shown, counted, and kept from those it is not meant for.
 *
 *   ACCOLADE_URL=http://127.0.0.1:4000 ACCOLADE_TOKEN=<an ADMIN token> npm run story
 *
 * Stops at the first step that fails, and exits non-zero.
 */
import process from "node:process";
import { newContext, required, type Context } from "./context";
import { Run, StoryFailed } from "./run";
import * as access from "./steps/access";
import * as assets from "./steps/assets";
import * as catalog from "./steps/catalog";
import * as channels from "./steps/channels";
import * as endorsements from "./steps/endorsements";
import * as files from "./steps/files";
import * as library from "./steps/library";
import * as nodes from "./steps/nodes";
import * as reviews from "./steps/reviews";
import * as rights from "./steps/rights";
import * as uploads from "./steps/uploads";
import * as usage from "./steps/usage";

async function tell(run: Run, context: Context): Promise<void> {
  const me = await run.step("the token says who asks", () => catalog.signIn(context));

  // Log it, make it.
  const goods = await run.step("brand, products, outlets, audience", () => catalog.createCatalog(context));
  await run.step("a retried mutation runs once", () => catalog.retrySafely(context));
  const places = await run.step("a tree of channels from templates", () => channels.createChannels(context));
  await run.step("a dated rule with its source", () => channels.addDatedRule(context, places));
  const badge = await run.step("a picture is what its bytes say", () =>
    assets.uploadBadge(context, me, goods, places),
  );
  const secondBadge = await run.step("other bytes make version 2", () => assets.addSecondVersion(context, badge));
  const spare = await run.step("the same bytes by their hash", () => assets.reuseBytes(context, goods, badge));
  const copy = await run.step("a text as an asset", () => assets.createCopy(context, goods.brand.id));
  const win = await run.step("a win in two languages", () => endorsements.createWin(context, goods, places, badge));
  const creatorWin = await run.step("a creator's win", () => endorsements.createCreatorWin(context, goods, places));
  const wording = await run.step("a second wording", () => endorsements.rewordWin(context, win));
  const evidence = await run.step("evidence by upload", () => endorsements.addEvidence(context, win));

  // Clear it.
  await run.step("a claim is confirmed", () => endorsements.confirmClaim(context, me, win));
  await run.step("the page still says it", () => endorsements.recheckWin(context, win));
  await run.step("submitted, recalled, submitted again; not reviewed by its author", () =>
    reviews.submitWin(context, win, wording),
  );
  const reviewer = await run.step("a token for a reviewer", () => access.createReviewer(context, goods));
  const review = await run.step("another approves it", () => reviews.approveWin(reviewer, win, wording));
  await run.step("a withdrawn version gives way to the one before", () =>
    reviews.rollBackBadge(context, reviewer, badge, secondBadge),
  );
  await run.step("sent back, archived, restored", () => reviews.archiveSpare(context, reviewer, spare));
  const leases = await run.step("a lease and a bar", () => rights.createLeases(context, places, win, badge));
  await run.step("an embargo, and the optimistic lock", () => rights.scheduleWin(context, places, win));

  // Use it.
  await run.step("available until the lease ends", () =>
    rights.availableUntilLeaseEnds(context, goods, places, win, badge, leases),
  );
  await run.step("held on the main image, with every reason", () =>
    rights.heldOnMainImage(context, goods, places, win, badge, leases),
  );
  await run.step("held on other days, for other products, markets and places", () =>
    rights.heldElsewhere(context, goods, places, win, creatorWin, leases),
  );
  await run.step("in the current version's words", () => endorsements.readStatements(context, win));
  await run.step("a channel lists what it may show", () =>
    library.listAvailable(context, goods, places, win, badge, leases),
  );
  await run.step("a channel's list in pages", () => library.pageChannel(context, places, win, badge));
  await run.step("endorsements by publication", () => library.listPublished(context, goods, win, creatorWin));
  await run.step("pages of one, forwards and backwards", () =>
    library.pageBothWays(context, goods, badge, spare, copy),
  );
  await run.step("found by English and Chinese words", () => library.search(context, goods, win, badge));

  // Watch it, weigh it.
  const placements = await run.step("live on a product's page", () =>
    usage.placeLive(context, goods, places, win, badge),
  );
  await run.step("every event counts once", () => usage.countUsage(context, placements, win, badge));
  await run.step("what is live cannot be trashed", () => usage.trash(context, win, badge, spare));

  // Found again by those who may, and by nobody else.
  const ofBrand: nodes.Made = [
    ["Brand", goods.brand.id],
    ["Product", goods.product.id],
    ["Asset", badge.id],
    ["AssetVersion", badge.firstVersion],
    ["Endorsement", win.id],
    ["EndorsementVersion", wording],
    ["Evidence", evidence],
    ["Claim", win.claim],
    ["Review", review],
    ["Lease", leases.allow],
    ["Placement", placements.win.id],
  ];
  await run.step("every id finds its node", () =>
    nodes.findEverything(context, [
      ...ofBrand,
      ["Outlet", goods.press],
      ["Audience", goods.audience.id],
      ["Channel", places.mainImage.id],
      ["AccessToken", reviewer.id],
    ]),
  );
  const stranger = await run.step("another brand's token sees nothing of it", () =>
    access.seeNothingOfOthers(context, goods, places, win, badge, ofBrand.map(([, id]) => id)),
  );
  await run.step("a revoked token is nobody's", () => access.revokeStranger(context, stranger));
  await run.step("a page's token sees what is public", () =>
    access.readInPublic(context, goods, places, win, badge),
  );
  await run.step("every change is in the audit log", () => access.readAudit(context, me, reviewer, win));

  // The bytes.
  await run.step("bytes under a signed address", () => files.fetchBytes(context, badge));
  await run.step("a forged address opens nothing", () => files.refuseForgedGrants(context, badge));
  await run.step("an upload goes on where its line broke", () => uploads.resumeUpload(context, goods));
  await run.step("an address ends with its token", () => files.endGrantWithToken(context, reviewer, badge));
}

const context = newContext(new URL(required("ACCOLADE_URL")), required("ACCOLADE_TOKEN"));
const run = new Run();
try {
  await tell(run, context);
} catch (error) {
  if (!(error instanceof StoryFailed)) throw error;
  process.exitCode = 1;
} finally {
  console.log(run.summary());
}
