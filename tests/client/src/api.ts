/**
 * A caller of the server: one base address, one token. Operations are the typed documents of generated.ts.
 *
 * Every mutation document names its one field `payload`, so that `mutate` and `refused` can treat them alike.
 */
import assert from "node:assert/strict";
import type { TypedDocumentNode } from "@graphql-typed-document-node/core";
import { Kind, print } from "graphql";
import { ClientError, GraphQLClient } from "graphql-request";
import type { ProblemFragment, UserErrorCode } from "./generated";

type Variables = Record<string, unknown>;
interface Payload {
  readonly userErrors: ReadonlyArray<ProblemFragment>;
}
type MutationDocument<P extends Payload, V> = TypedDocumentNode<{ readonly payload: P }, V>;

export type ErrorCode =
  | "BAD_REQUEST"
  | "UNAUTHENTICATED"
  | "FORBIDDEN"
  | "NOT_FOUND"
  | "RATE_LIMITED"
  | "UNAVAILABLE"
  | "INTERNAL";

interface ResponseError {
  readonly message: string;
  readonly extensions?: { readonly code?: unknown };
}
interface ResponseBody<R> {
  readonly data?: R | null;
  readonly errors?: ReadonlyArray<ResponseError>;
}

/** The server answered with top-level errors. */
export class TopLevelError extends Error {
  override readonly name = "TopLevelError";
  readonly codes: ReadonlyArray<string>;

  constructor(operation: string, status: number, errors: ReadonlyArray<ResponseError>) {
    const codes = errors.map((error) => String(error.extensions?.code ?? "no code"));
    const texts = errors.map((error, i) => `${codes[i]}: ${error.message}`);
    super(`${operation} was answered with HTTP ${status}, ${texts.join("; ") || "no errors in the body"}`);
    this.codes = codes;
  }
}

const TIMEOUT_MS = 30_000;

export class Api {
  readonly #endpoint: URL;
  /** By which the server knows who asks. */
  readonly headers: Record<string, string>;
  readonly #client: GraphQLClient;

  constructor(
    readonly base: URL,
    token: string | null,
  ) {
    this.#endpoint = new URL("/graphql", base);
    this.headers = token === null ? {} : { Authorization: `Bearer ${token}` };
    this.#client = new GraphQLClient(this.#endpoint.href, {
      headers: this.headers,
      fetch: (input, init) => fetch(input, { ...init, signal: AbortSignal.timeout(TIMEOUT_MS) }),
    });
  }

  /** The same server, asked by the bearer of another token; by nobody when there is none. */
  as(token: string | null): Api {
    return new Api(this.base, token);
  }

  /** The data of an operation. Throws TopLevelError when the answer has errors. */
  async query<R, V extends Variables>(document: TypedDocumentNode<R, V>, variables: V): Promise<R> {
    const files = blobsIn(variables);
    if (files.length > 0) return this.#upload(document, variables, files);
    try {
      return await this.#client.request<R, Variables>(document, variables);
    } catch (error) {
      if (error instanceof ClientError) {
        throw new TopLevelError(nameOf(document), error.response.status, error.response.errors ?? []);
      }
      throw error;
    }
  }

  /** The payload of a mutation that has to succeed. */
  async mutate<P extends Payload, V extends Variables>(document: MutationDocument<P, V>, variables: V): Promise<P> {
    const { payload } = await this.query(document, variables);
    assert.deepEqual(payload.userErrors, [], `${nameOf(document)} should have no userErrors`);
    return payload;
  }

  /** The user error of a mutation that has to be refused with `code`, and to answer nothing else. */
  async refused<P extends Payload, V extends Variables>(
    document: MutationDocument<P, V>,
    variables: V,
    code: UserErrorCode,
  ): Promise<ProblemFragment> {
    const { payload } = await this.query(document, variables);
    const problem = payload.userErrors.find((error) => error.code === code);
    assert.ok(problem, `${nameOf(document)} should be refused with ${code}, was ${JSON.stringify(payload)}`);
    for (const [field, value] of Object.entries(payload)) {
      if (field === "userErrors" || field === "clientMutationId") continue;
      assert.equal(value, null, `${nameOf(document)} was refused, so its ${field} should be null`);
    }
    return problem;
  }

  /** Asserts that an operation is refused as a whole, with `code` in `extensions`. */
  async denied<R, V extends Variables>(document: TypedDocumentNode<R, V>, variables: V, code: ErrorCode): Promise<void> {
    const answer = await this.query(document, variables).catch((error: unknown) => error);
    if (answer instanceof TopLevelError) {
      assert.ok(answer.codes.includes(code), `${nameOf(document)} should be denied with ${code}: ${answer.message}`);
      return;
    }
    if (answer instanceof Error) throw answer;
    assert.fail(`${nameOf(document)} should be denied with ${code}, was answered ${JSON.stringify(answer)}`);
  }

  /** graphql-multipart-request-spec: `operations`, then `map`, then the files. */
  async #upload<R, V extends Variables>(
    document: TypedDocumentNode<R, V>,
    variables: V,
    files: ReadonlyArray<Found>,
  ): Promise<R> {
    const body = new FormData();
    body.set(
      "operations",
      // A blob has no JSON form: the specification wants null in its place.
      JSON.stringify({ query: print(document), variables }, (_, value: unknown) => (value instanceof Blob ? null : value)),
    );
    body.set("map", JSON.stringify(Object.fromEntries(files.map(({ path }, i) => [i, [`variables.${path}`]]))));
    files.forEach(({ blob }, i) => body.set(String(i), blob));

    const response = await fetch(this.#endpoint, {
      method: "POST",
      headers: { ...this.headers, Accept: "application/json", "GraphQL-Require-Preflight": "1" },
      body,
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    const answer = (await response.json()) as ResponseBody<R>;
    if (answer.errors || answer.data === null || answer.data === undefined) {
      throw new TopLevelError(nameOf(document), response.status, answer.errors ?? []);
    }
    return answer.data;
  }
}

interface Found {
  readonly path: string;
  readonly blob: Blob;
}

/** Every blob among the variables, with its dotted path. */
function blobsIn(value: unknown, path: ReadonlyArray<string> = []): Found[] {
  if (value instanceof Blob) return [{ path: path.join("."), blob: value }];
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) => blobsIn(inner, [...path, key]));
}

function nameOf<R, V>(document: TypedDocumentNode<R, V>): string {
  for (const definition of document.definitions) {
    if (definition.kind === Kind.OPERATION_DEFINITION && definition.name) return definition.name.value;
  }
  return "the operation";
}
