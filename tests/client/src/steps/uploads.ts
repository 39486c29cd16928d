import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { Upload } from "tus-js-client";
import type { Api } from "../api";
import { sha256, type Context } from "../context";
import { need } from "../expect";
import { CreateAssetDocument } from "../generated";
import type { Catalog } from "./catalog";

const MIB = 1024 * 1024;
const SIZE = 64 * MIB;
const CHUNK = 8 * MIB;
/** After so much the line breaks. */
const CUT = 24 * MIB;

type Options = ConstructorParameters<typeof Upload>[1];
type UrlStorage = NonNullable<Options["urlStorage"]>;
type Previous = Awaited<ReturnType<UrlStorage["findAllUploads"]>>[number];

/** A large file over a line that breaks: it goes on where it was, and is used where it lies. */
export async function resumeUpload({ api, suffix }: Context, { brand }: Catalog): Promise<void> {
  const bytes = recording(SIZE);
  const urls = new Urls();
  const first = await send(api, bytes, urls, CUT);
  assert.equal(first.done, false);
  assert.ok(first.accepted >= CUT && first.accepted < SIZE, `it was broken off at ${first.accepted}`);

  const second = await send(api, bytes, urls);
  assert.equal(second.done, true);
  assert.equal(second.url, first.url, "the same upload went on");
  assert.ok(second.began >= first.accepted, `it went on at ${second.began}, not behind ${first.accepted}`);

  const tus = need(new URL(need(second.url, "the upload's address")).pathname.split("/").pop(), "its id");
  const input = { brand: brand.id, title: `Recording ${suffix}` };
  const { asset } = await api.mutate(CreateAssetDocument, { input: { ...input, file: { tus } } });
  const file = need(need(asset, "the asset").latestVersion.file, "its file");
  assert.equal(file.sha256, sha256(bytes), "the server's hash is that of the bytes sent");
  assert.equal(file.filename, "recording.wav");
  assert.equal(file.mediaType, "audio/wav");
  assert.equal(Number(file.bytes), SIZE);

  // Whoever has sent the bytes before need not send them again.
  await api.mutate(CreateAssetDocument, { input: { ...input, file: { sha256: file.sha256 } } });
  // Ended, it is no more; what was made of it is.
  await Upload.terminate(need(second.url, "the upload's address"), { headers: api.headers });
  await api.refused(CreateAssetDocument, { input: { ...input, file: { tus } } }, "NOT_FOUND");
}

interface Sent {
  readonly done: boolean;
  /** Where the first piece of this attempt began. */
  readonly began: number;
  readonly accepted: number;
  readonly url: string | null;
}

/** Sends what is left of a file; breaks off once so much of it was accepted. */
function send(api: Api, bytes: Buffer, urls: UrlStorage, cut = Infinity): Promise<Sent> {
  return new Promise((resolve, reject) => {
    let began: number | null = null;
    let accepted = 0;
    const sent = (done: boolean): Sent => ({ done, began: began ?? 0, accepted, url: upload.url });
    const upload = new Upload(bytes, {
      endpoint: new URL("/uploads", api.base).href,
      headers: api.headers,
      chunkSize: CHUNK,
      metadata: { filename: "recording.wav", filetype: "audio/wav" },
      urlStorage: urls,
      onChunkComplete: (size, total) => {
        began ??= total - size;
        accepted = total;
        if (total >= cut) upload.abort().then(() => resolve(sent(false)), reject);
      },
      onSuccess: () => resolve(sent(true)),
      onError: reject,
    });
    upload.findPreviousUploads().then(([previous]) => {
      if (previous) upload.resumeFromPreviousUpload(previous);
      upload.start();
    }, reject);
  });
}

/** Where a page would have its localStorage. */
class Urls implements UrlStorage {
  readonly #uploads = new Map<string, readonly [fingerprint: string, upload: Previous]>();

  async findAllUploads(): Promise<Previous[]> {
    return [...this.#uploads.values()].map(([, upload]) => upload);
  }

  async findUploadsByFingerprint(wanted: string): Promise<Previous[]> {
    return [...this.#uploads.values()].filter(([fingerprint]) => fingerprint === wanted).map(([, upload]) => upload);
  }

  async addUpload(fingerprint: string, upload: Previous): Promise<string> {
    const key = `upload-${this.#uploads.size}`;
    this.#uploads.set(key, [fingerprint, { ...upload, urlStorageKey: key }]);
    return key;
  }

  async removeUpload(key: string): Promise<void> {
    this.#uploads.delete(key);
  }
}

/** A WAV of noise, of exactly so many bytes. */
function recording(size: number): Buffer {
  const bytes = randomBytes(size);
  bytes.write("RIFF", 0, "latin1");
  bytes.writeUInt32LE(size - 8, 4);
  bytes.write("WAVEfmt ", 8, "latin1");
  bytes.writeUInt32LE(16, 16);
  bytes.writeUInt16LE(1, 20);
  bytes.writeUInt16LE(2, 22);
  bytes.writeUInt32LE(48_000, 24);
  bytes.writeUInt32LE(48_000 * 4, 28);
  bytes.writeUInt16LE(4, 32);
  bytes.writeUInt16LE(16, 34);
  bytes.write("data", 36, "latin1");
  bytes.writeUInt32LE(size - 44, 40);
  return bytes;
}
