/** ZIP archives, as APPNOTE 6.3 describes them, without ZIP64: at most 65,535 entries and 4 GiB in all. */

export interface ZipEntry {
  /** Path inside the archive, with forward slashes. */
  name: string;
  data: string | Blob;
  /** Keep the bytes as they are: for data that is compressed already, such as pictures. */
  stored?: boolean;
}

const MAX_ENTRIES = 0xffff;
const MAX_BYTES = 0xffffffff;
const VERSION = 20; // 2.0: the first that knows DEFLATE
const FLAG_UTF8 = 1 << 11;
const DEFLATE = 8;
/** 1 January 1980, the earliest that DOS knows: the same content gives the same archive. */
const DOS_DATE = (1 << 5) | 1;

/** The archive cannot be written in this format. */
export class ZipTooLarge extends Error {
  override readonly name = "ZipTooLarge";
}

const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, n) => {
  let crc = n;
  for (let bit = 0; bit < 8; bit += 1) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  return crc;
});

/** CRC-32 as in ZIP and PNG. */
export function crc32(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) crc = (crc >>> 8) ^ (CRC_TABLE[(crc ^ byte) & 0xff] as number);
  return (crc ^ 0xffffffff) >>> 0;
}

async function bytesOf(data: string | Blob): Promise<Uint8Array<ArrayBuffer>> {
  if (typeof data === "string") return new TextEncoder().encode(data);
  return new Uint8Array(await data.arrayBuffer());
}

/** Null: this browser cannot compress, or the bytes would not get fewer. */
async function deflated(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer> | null> {
  if (typeof CompressionStream === "undefined") return null;
  const stream = new CompressionStream("deflate-raw");
  const whole = new Response(stream.readable).arrayBuffer();
  const writer = stream.writable.getWriter();
  await Promise.all([writer.write(bytes), writer.close(), whole]);
  const small = new Uint8Array(await whole);
  return small.length < bytes.length ? small : null;
}

/** Fields of 2 and 4 bytes, little-endian. */
function record(fields: readonly (readonly [size: 2 | 4, value: number])[]): Uint8Array<ArrayBuffer> {
  const view = new DataView(new ArrayBuffer(fields.reduce((sum, [size]) => sum + size, 0)));
  let at = 0;
  for (const [size, value] of fields) {
    if (size === 2) view.setUint16(at, value, true);
    else view.setUint32(at, value, true);
    at += size;
  }
  return new Uint8Array(view.buffer);
}

/** Throws: ZipTooLarge. */
export async function writeZip(entries: readonly ZipEntry[], type = "application/zip"): Promise<Blob> {
  if (entries.length > MAX_ENTRIES) throw new ZipTooLarge(`${entries.length} entries`);
  const files: BlobPart[] = [];
  const directory: BlobPart[] = [];
  let offset = 0;
  let directoryBytes = 0;
  for (const entry of entries) {
    const name = new TextEncoder().encode(entry.name);
    const bytes = await bytesOf(entry.data);
    const small = entry.stored ? null : await deflated(bytes);
    const content = small ?? bytes;
    const common = [
      [2, VERSION],
      [2, FLAG_UTF8],
      [2, small ? DEFLATE : 0],
      [2, 0], // time
      [2, DOS_DATE],
      [4, crc32(bytes)],
      [4, content.length],
      [4, bytes.length],
      [2, name.length],
      [2, 0], // extra field
    ] as const;
    const local = record([[4, 0x04034b50], ...common]);
    const central = record([
      [4, 0x02014b50],
      [2, VERSION],
      ...common,
      [2, 0], // comment
      [2, 0], // disk
      [2, 0], // internal attributes
      [4, 0], // external attributes
      [4, offset],
    ]);
    files.push(local, name, content);
    directory.push(central, name);
    offset += local.length + name.length + content.length;
    directoryBytes += central.length + name.length;
    if (offset + directoryBytes > MAX_BYTES) throw new ZipTooLarge(`more than ${MAX_BYTES} bytes`);
  }
  const end = record([
    [4, 0x06054b50],
    [2, 0], // this disk
    [2, 0], // disk of the directory
    [2, entries.length],
    [2, entries.length],
    [4, directoryBytes],
    [4, offset],
    [2, 0], // comment
  ]);
  return new Blob([...files, ...directory, end], { type });
}
