/**
 * Opens /graphiql/ of a running server in a real browser, as a user would: types the header, runs a
 * query, reads the answer. Nothing may leave the server's origin, and nothing may be blocked or fail.
 *
 *   ACCOLADE_URL=http://127.0.0.1:4000 ACCOLADE_TOKEN=… npm test
 *
 * CHROMIUM names the browser's executable (default /usr/bin/chromium); SCREENSHOT a file to write.
 */
import assert from "node:assert/strict";
import process from "node:process";
import { chromium } from "playwright-core";

const origin = new URL(required("ACCOLADE_URL")).origin;
const token = required("ACCOLADE_TOKEN");
const executablePath = process.env.CHROMIUM ?? "/usr/bin/chromium";

const QUERY_EDITOR = '[aria-label="Query Editor"] .CodeMirror';
const HEADERS_EDITOR = 'section[aria-label="Headers"] .CodeMirror:visible';
const RESULT = ".result-window .CodeMirror-code";

const browser = await chromium.launch({
  executablePath,
  args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
});
try {
  const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
  page.setDefaultTimeout(15_000);
  const strays = watchRequests(page);
  const faults = watchConsole(page);

  const response = await page.goto(`${origin}/graphiql/`);
  assert.equal(response?.status(), 200, "GET /graphiql/ should answer 200");
  assertStrictPolicy(response.headers()["content-security-policy"]);
  await page.waitForSelector(QUERY_EDITOR);
  await page.waitForSelector(HEADERS_EDITOR);
  await page.waitForLoadState("networkidle");

  await replaceText(page, HEADERS_EDITOR, JSON.stringify({ Authorization: `Bearer ${token}` }));
  await replaceText(page, QUERY_EDITOR, "{ me { __typename } }");
  // GraphiQL names the tab once it has read the new text; until then it would still send the old operation's name.
  await page.getByRole("tab", { name: "<untitled>" }).waitFor();
  await run(page);
  await page.getByRole("button", { name: "Re-fetch GraphQL schema" }).click();
  await openDocumentation(page);
  if (process.env.SCREENSHOT) await page.screenshot({ path: process.env.SCREENSHOT });

  assert.deepEqual(strays, [], "requests left the server's origin");
  assert.deepEqual(faults.seen(), [], "the page reported errors");
  console.log("graphiql: ok");
} finally {
  await browser.close();
}

/** @param {string} name */
function required(name) {
  const value = process.env[name];
  if (value) return value;
  console.error(`graphiql: set ${name}`);
  process.exit(2);
}

/** Every request to another origin, and every one that was not answered. */
function watchRequests(page) {
  const strays = [];
  page.on("request", (request) => {
    const url = new URL(request.url());
    if (url.protocol !== "data:" && url.protocol !== "blob:" && url.origin !== origin) strays.push(request.url());
  });
  page.on("websocket", (socket) => {
    if (new URL(socket.url()).host !== new URL(origin).host) strays.push(socket.url());
  });
  page.on("requestfailed", (request) => strays.push(`${request.url()}: ${request.failure()?.errorText}`));
  return strays;
}

/**
 * Console errors (a blocked script is one) and uncaught exceptions. While GraphiQL does not have the header, at the
 * start and for a moment after a reload, it asks for the schema as nobody; a refusal of that request is right, and
 * the browser prints it.
 */
function watchConsole(page) {
  const errors = [];
  let refusals = 0;
  let anonymous = 0;
  page.on("pageerror", (error) => errors.push(`uncaught: ${error.message}`));
  page.on("response", (response) => {
    const nobody = response.request().headers().authorization === undefined;
    if (response.url() === `${origin}/graphql` && response.status() === 401 && nobody) anonymous += 1;
  });
  page.on("console", (message) => {
    if (message.type() !== "error") return;
    const refusal = message.location().url === `${origin}/graphql` && /status of 401/.test(message.text());
    if (refusal) refusals += 1;
    else errors.push(message.text());
  });
  return {
    seen: () => (refusals > anonymous ? [...errors, `${refusals - anonymous} requests with a token were refused`] : errors),
  };
}

/** The page has to work under a policy that lets no script in but the bundle's own files. */
function assertStrictPolicy(policy) {
  assert.ok(policy, "/graphiql/ should carry a Content-Security-Policy");
  const directives = new Map(
    policy
      .split(";")
      .map((directive) => directive.trim().split(/\s+/))
      .map(([name, ...values]) => [name, values]),
  );
  const scripts = directives.get("script-src") ?? directives.get("default-src") ?? [];
  assert.deepEqual(scripts, ["'self'"], "script-src should be 'self' and nothing else");
}

async function replaceText(page, editor, text) {
  await page.locator(editor).click();
  await page.keyboard.press("Control+A");
  await page.keyboard.insertText(text);
}

async function run(page) {
  const [answer] = await Promise.all([
    page.waitForResponse((response) => response.url() === `${origin}/graphql` && isMe(response.request())),
    page.getByRole("button", { name: /^Execute query/ }).click(),
  ]);
  assert.equal(answer.status(), 200, "{ me { __typename } } should be answered with 200");
  const shown = page.locator(RESULT, { hasText: /"__typename":\s*"(AccessToken|User)"/ });
  await shown.waitFor().catch(async () => {
    assert.fail(`the answer does not show; the page shows: ${await page.locator(RESULT).innerText()}`);
  });
}

/** @param {import("playwright-core").Request} request */
function isMe(request) {
  return request.postDataJSON()?.query === "{ me { __typename } }";
}

/** The documentation is drawn from the schema: that it shows proves that introspection was answered. */
async function openDocumentation(page) {
  await page.getByRole("button", { name: "Show Documentation Explorer" }).click();
  await page.locator(".graphiql-doc-explorer").getByText("Query", { exact: true }).first().waitFor();
}
