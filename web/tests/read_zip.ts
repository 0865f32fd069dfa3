/** Reads an archive by its central directory, as unzip does, and checks each local header against it. */
import { expect } from "vitest";

export interface UnzippedFile {
  /** 0: stored, 8: deflated. */
  method: number;
  crc: number;
  bytes: Uint8Array<ArrayBuffer>;
  text: string;
}

async function inflate(packed: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
  const stream = new Response(packed).body?.pipeThrough(new DecompressionStream("deflate-raw"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

export async function readZip(blob: Blob): Promise<Map<string, UnzippedFile>> {
  const archive = new Uint8Array(await blob.arrayBuffer());
  const view = new DataView(archive.buffer);
  const u16 = (at: number) => view.getUint16(at, true);
  const u32 = (at: number) => view.getUint32(at, true);
  const end = archive.length - 22;
  expect(u32(end)).toBe(0x06054b50);
  let at = u32(end + 16);
  expect(at + u32(end + 12)).toBe(end);
  const files = new Map<string, UnzippedFile>();
  for (let left = u16(end + 10); left > 0; left -= 1) {
    expect(u32(at)).toBe(0x02014b50);
    const nameLength = u16(at + 28);
    const name = new TextDecoder().decode(archive.subarray(at + 46, at + 46 + nameLength));
    const local = u32(at + 42);
    expect(u32(local)).toBe(0x04034b50);
    expect(archive.subarray(local + 4, local + 30)).toEqual(archive.subarray(at + 6, at + 32));
    const start = local + 30 + nameLength;
    const packed = archive.slice(start, start + u32(at + 20));
    const method = u16(at + 10);
    const bytes = method === 8 ? await inflate(packed) : packed;
    expect(bytes.length).toBe(u32(at + 24));
    files.set(name, { method, crc: u32(at + 16), bytes, text: new TextDecoder().decode(bytes) });
    at += 46 + nameLength;
  }
  return files;
}
