/** Reads ZIP archives (APPNOTE 6.3, without ZIP64) that may be hostile: every size is bounded before it is believed. */

import { crc32 } from "../files/zip.ts";

export class BadZip extends Error {
  override readonly name = "BadZip";
}

export interface ZipLimits {
  entries: number;
  /** Of one file, and of all together, unpacked. */
  fileBytes: number;
  totalBytes: number;
}

interface Entry {
  name: string;
  method: number;
  crc: number;
  packedBytes: number;
  bytes: number;
  offset: number;
}

const END = 0x06054b50;
const CENTRAL = 0x02014b50;
const LOCAL = 0x04034b50;
const END_BYTES = 22;
const MAX_COMMENT = 0xffff;
const STORED = 0;
const DEFLATE = 8;
const FLAG_ENCRYPTED = 1;
/** DEFLATE packs at most about 1032 to 1. */
const MAX_RATIO = 1040;

async function view(archive: Blob, from: number, to: number): Promise<DataView> {
  if (from < 0 || to > archive.size || from > to) throw new BadZip("it ends too early");
  return new DataView(await archive.slice(from, to).arrayBuffer());
}

function ascii(data: DataView, at: number, length: number): string {
  return new TextDecoder().decode(new Uint8Array(data.buffer, data.byteOffset + at, length));
}

/** The files of an archive, by their names. Nothing is unpacked before it is asked for. */
export class ZipReader {
  readonly #archive: Blob;
  readonly #limits: ZipLimits;
  readonly #entries = new Map<string, Entry>();
  #unpacked = 0;

  private constructor(archive: Blob, limits: ZipLimits) {
    this.#archive = archive;
    this.#limits = limits;
  }

  /** Throws: BadZip. */
  static async open(archive: Blob, limits: ZipLimits): Promise<ZipReader> {
    const reader = new ZipReader(archive, limits);
    await reader.#readDirectory();
    return reader;
  }

  get names(): string[] {
    return [...this.#entries.keys()];
  }

  async #readDirectory(): Promise<void> {
    const tail = await view(this.#archive, Math.max(0, this.#archive.size - END_BYTES - MAX_COMMENT), this.#archive.size);
    let at = tail.byteLength - END_BYTES;
    while (at >= 0 && tail.getUint32(at, true) !== END) at -= 1;
    if (at < 0) throw new BadZip("no archive");
    const count = tail.getUint16(at + 10, true);
    const bytes = tail.getUint32(at + 12, true);
    const offset = tail.getUint32(at + 16, true);
    if (count > this.#limits.entries) throw new BadZip("too many files");
    const directory = await view(this.#archive, offset, offset + bytes);
    let here = 0;
    for (let index = 0; index < count; index++) {
      if (here + 46 > directory.byteLength || directory.getUint32(here, true) !== CENTRAL) throw new BadZip("bad directory");
      const nameBytes = directory.getUint16(here + 28, true);
      const more = directory.getUint16(here + 30, true) + directory.getUint16(here + 32, true);
      if (here + 46 + nameBytes + more > directory.byteLength) throw new BadZip("bad directory");
      if (directory.getUint16(here + 8, true) & FLAG_ENCRYPTED) throw new BadZip("encrypted");
      const entry: Entry = {
        name: ascii(directory, here + 46, nameBytes),
        method: directory.getUint16(here + 10, true),
        crc: directory.getUint32(here + 16, true),
        packedBytes: directory.getUint32(here + 20, true),
        bytes: directory.getUint32(here + 24, true),
        offset: directory.getUint32(here + 42, true),
      };
      if (entry.bytes > this.#limits.fileBytes) throw new BadZip(`too large: ${entry.name}`);
      if (entry.bytes > entry.packedBytes * MAX_RATIO + 64) throw new BadZip(`impossible size: ${entry.name}`);
      if (this.#entries.has(entry.name)) throw new BadZip(`twice: ${entry.name}`);
      this.#entries.set(entry.name, entry);
      here += 46 + nameBytes + more;
    }
  }

  /** The bytes of one file. Throws: BadZip. */
  async read(name: string): Promise<Uint8Array<ArrayBuffer>> {
    const entry = this.#entries.get(name);
    if (!entry) throw new BadZip(`missing: ${name}`);
    this.#unpacked += entry.bytes;
    if (this.#unpacked > this.#limits.totalBytes) throw new BadZip("too much in all");
    const local = await view(this.#archive, entry.offset, entry.offset + 30);
    if (local.getUint32(0, true) !== LOCAL) throw new BadZip(`bad file: ${name}`);
    const start = entry.offset + 30 + local.getUint16(26, true) + local.getUint16(28, true);
    await view(this.#archive, start, start + entry.packedBytes); // is it there?
    const packed = this.#archive.slice(start, start + entry.packedBytes);
    const bytes = await unpack(packed, entry);
    if (bytes.length !== entry.bytes || crc32(bytes) !== entry.crc) throw new BadZip(`damaged: ${name}`);
    return bytes;
  }
}

async function unpack(packed: Blob, entry: Entry): Promise<Uint8Array<ArrayBuffer>> {
  if (entry.method === STORED) return new Uint8Array(await packed.arrayBuffer());
  if (entry.method !== DEFLATE) throw new BadZip(`unknown compression: ${entry.name}`);
  const stream = new DecompressionStream("deflate-raw");
  const writer = stream.writable.getWriter();
  const writing = packed.arrayBuffer().then((bytes) => Promise.all([writer.write(new Uint8Array(bytes)), writer.close()]));
  // Damaged data fails on either side, and not every engine tells the other one.
  const failure = writing.then(() => new Promise<never>(() => undefined));
  failure.catch(() => undefined);
  const result = new Uint8Array(entry.bytes);
  let at = 0;
  const reader = stream.readable.getReader();
  try {
    for (;;) {
      const { done, value } = await Promise.race([reader.read(), failure]);
      if (done) break;
      const piece = value as Uint8Array;
      if (at + piece.length > result.length) throw new BadZip(`larger than it says: ${entry.name}`);
      result.set(piece, at);
      at += piece.length;
    }
  } catch (cause) {
    void reader.cancel().catch(() => undefined);
    throw cause instanceof BadZip ? cause : new BadZip(`damaged: ${entry.name}`, { cause });
  }
  return at === result.length ? result : result.subarray(0, at);
}
