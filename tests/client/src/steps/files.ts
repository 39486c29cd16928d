import assert from "node:assert/strict";
import type { Api } from "../api";
import { sha256, type Context } from "../context";
import { eventually, found, need } from "../expect";
import { CurrentFileDocument, type BytesFragment } from "../generated";
import { endReviewer } from "./access";
import type { Badge } from "./assets";
import type { Reviewer } from "./reviews";

const REFUSED = [403, 404];

/** The bytes of the current version, through the signed address that the API gives out. */
export async function fetchBytes({ api }: Context, badge: Badge): Promise<void> {
  const file = await currentFile(api, badge);
  assert.equal(file.sha256, badge.first.sha256, "the current version is the first again");
  const address = reach(api, file.url);

  const answer = await get(address);
  assert.equal(answer.status, 200);
  assert.equal(answer.headers.get("content-type"), "image/png");
  assert.equal(answer.headers.get("x-content-type-options"), "nosniff");
  assert.equal(sha256(new Uint8Array(await answer.arrayBuffer())), file.sha256, "the bytes have the file's hash");

  const etag = need(answer.headers.get("etag"), "an ETag");
  const unchanged = await get(address, { "If-None-Match": etag });
  assert.equal(unchanged.status, 304);
  assert.equal((await unchanged.arrayBuffer()).byteLength, 0);

  const part = await get(address, { Range: "bytes=100-199" });
  assert.equal(part.status, 206);
  assert.equal(part.headers.get("content-range"), `bytes 100-199/${file.bytes}`);
  assert.deepEqual(Buffer.from(await part.arrayBuffer()), badge.first.bytes.subarray(100, 200));

  const download = await get(reach(api, file.downloadUrl), { Range: "bytes=0-0" });
  assert.match(download.headers.get("content-disposition") ?? "", /^attachment/);
  await download.arrayBuffer();
}

/** To know a hash, or most of a grant, is no right. */
export async function refuseForgedGrants({ api }: Context, badge: Badge): Promise<void> {
  const file = await currentFile(api, badge);
  const address = reach(api, file.url);
  const [, prefix, grant, ...name] = address.pathname.split("/");
  assert.equal(prefix, "files");
  const signed = need(grant, "the address's grant");
  const forgeries = [swapAt(signed, 0), swapAt(signed, Math.floor(signed.length / 2)), signed.slice(0, -4), file.sha256];
  for (const forged of forgeries) {
    const other = new URL(address);
    other.pathname = ["", prefix, forged, ...name].join("/");
    const answer = await get(other, { "If-None-Match": "*" });
    assert.ok(REFUSED.includes(answer.status), `a forged grant was answered with ${answer.status}`);
    await answer.arrayBuffer();
  }
}

/** An address given to a token is worth nothing once the token is revoked. */
export async function endGrantWithToken(context: Context, reviewer: Reviewer, badge: Badge): Promise<void> {
  const address = reach(reviewer.api, (await currentFile(reviewer.api, badge)).url);
  const before = await get(address);
  assert.equal(before.status, 200);
  await before.arrayBuffer();

  await endReviewer(context, reviewer);
  await eventually(2_000, async () => {
    const after = await get(address, { "If-None-Match": before.headers.get("etag") ?? "*" });
    await after.arrayBuffer();
    assert.ok(REFUSED.includes(after.status), `a revoked token's address was answered with ${after.status}`);
  });
}

async function currentFile(api: Api, badge: Badge): Promise<BytesFragment> {
  const { version } = found((await api.query(CurrentFileDocument, { id: badge.id })).node, "the badge");
  return need(need(version, "the badge's current version").file, "its file");
}

/** The address as this client reaches it, whatever public origin the server is configured with. */
function reach({ base }: Api, url: string): URL {
  const { pathname, search } = new URL(url, base);
  return new URL(pathname + search, base);
}

function get(url: URL, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(url, { headers, signal: AbortSignal.timeout(30_000) });
}

function swapAt(text: string, at: number): string {
  return text.slice(0, at) + (text[at] === "A" ? "B" : "A") + text.slice(at + 1);
}
