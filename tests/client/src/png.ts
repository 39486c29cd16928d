/** A small PNG encoder: enough to make pictures of known bytes and size without a fixture. */
import { crc32, deflateSync } from "node:zlib";

type Rgb = readonly [red: number, green: number, blue: number];

const SIGNATURE = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
const WHITE: Rgb = [255, 255, 255];

/** A coloured square on white, 96 % of the picture's edge; `note` makes the bytes its own. */
export function picture(edge: number, colour: Rgb, note: string): Buffer {
  const margin = Math.round(edge * 0.02);
  const inside = (i: number): boolean => i >= margin && i < edge - margin;
  return encode(edge, edge, note, (x, y) => (inside(x) && inside(y) ? shade(colour, y / edge) : WHITE));
}

function shade([red, green, blue]: Rgb, share: number): Rgb {
  const factor = 1 - share / 2;
  return [Math.round(red * factor), Math.round(green * factor), Math.round(blue * factor)];
}

/** 8-bit RGB, no interlacing, no filter. */
function encode(width: number, height: number, note: string, pixel: (x: number, y: number) => Rgb): Buffer {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, 2, 0, 0, 0], 8);

  const stride = 1 + width * 3;
  const rows = Buffer.alloc(stride * height);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) rows.set(pixel(x, y), y * stride + 1 + x * 3);
  }
  return Buffer.concat([
    SIGNATURE,
    chunk("IHDR", header),
    chunk("tEXt", Buffer.from(`Comment\0${note}`, "latin1")),
    chunk("IDAT", deflateSync(rows)),
    chunk("IEND", Buffer.alloc(0)),
  ]);
}

function chunk(type: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(type, "latin1"), data]);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(data.length);
  const checksum = Buffer.alloc(4);
  checksum.writeUInt32BE(crc32(body));
  return Buffer.concat([length, body, checksum]);
}
