/**
 * Whether a started server speaks GraphQL over HTTP as its specification has it, by the audits of graphql-http:
 *
 *   ACCOLADE_URL=http://127.0.0.1:4000 ACCOLADE_TOKEN=<any token> npm run audit
 *
 * Tells what each audit that is not content found, recommendations too, and exits non-zero then.
 */
import process from "node:process";
import { auditServer } from "graphql-http";
import { required } from "./context";

/** Fewer would mean that the suite has lost some, and the run says less than it did. */
const AUDITS = 61;

const token = required("ACCOLADE_TOKEN");
const url = new URL("/graphql", required("ACCOLADE_URL")).href;

/** The audits know of no tokens, and without one every request is refused. */
function fetchWithToken(input: string | URL | Request, init?: RequestInit): Promise<Response> {
  const headers = new Headers(init?.headers);
  headers.set("authorization", `Bearer ${token}`);
  return fetch(input, { ...init, headers });
}

const results = await auditServer({ url, fetchFn: fetchWithToken });
let content = 0;
for (const result of results) {
  if (result.status === "ok") {
    content += 1;
    continue;
  }
  const { status, headers } = result.response;
  console.error(`${result.status.toUpperCase()}  ${result.id} ${result.name}\n  ${result.reason}`);
  console.error(`  answered ${status} ${headers.get("content-type") ?? ""}`);
}
console.log(`${content} of ${results.length} audits of GraphQL over HTTP are content`);
if (results.length < AUDITS) console.error(`there were ${AUDITS} of them`);
if (content < results.length || results.length < AUDITS) process.exitCode = 1;
