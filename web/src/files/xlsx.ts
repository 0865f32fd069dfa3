/**
 * Excel workbooks (ECMA-376 part 1, SpreadsheetML): numbers as numbers, text as text, pictures in cells'
 * places. The first row of each sheet is its header, which stays in view.
 */
import { columnName } from "./column_name.ts";
import { looksLikeFormula } from "./csv.ts";
import { officeImage, type OfficeImage } from "./office_image.ts";
import { cellText, escapeXml } from "./xml.ts";
import * as parts from "./xlsx_parts.ts";
import { writeZip, type ZipEntry } from "./zip.ts";

export const XLSX_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";

export interface ImageCell {
  /** Any type that the browser decodes: what spreadsheets don't know is turned into PNG. */
  image: Blob;
  /** Size on the sheet, in CSS pixels; the row becomes as high. */
  widthPx: number;
  heightPx: number;
}

export type Cell = string | number | null | ImageCell;

export interface Column {
  header: string;
  /** Width in digits of the sheet's normal font; a Chinese character takes two. */
  widthChars: number;
}

export interface Sheet {
  name: string;
  columns: readonly Column[];
  rows: readonly (readonly Cell[])[];
}

const MAX_ROWS = 1_048_576;
const MAX_COLUMNS = 16_384;
const MAX_CELL_CHARS = 32_767;
const MAX_ROW_POINTS = 409;
const MAX_WIDTH_CHARS = 255;
const POINTS_PER_PX = 0.75;
const PX_PER_CHAR = 7; // of Calibri 11, in which widths are counted
const EMU_PER_PX = 9525;
const IMAGE_MARGIN_PX = 3;

/** More than a sheet can hold. */
export class SheetTooLarge extends Error {
  override readonly name = "SheetTooLarge";
}

/** Names that Excel takes: at most 31 characters, none of []:*?/\, each only once. */
export function sheetNames(wanted: readonly string[]): string[] {
  const taken = new Set<string>();
  return wanted.map((name) => {
    const clean = name.replace(/[[\]:*?/\\]/g, " ").replace(/^[\s']+|[\s']+$/g, "") || "Sheet";
    for (let n = 1; ; n += 1) {
      const suffix = n === 1 ? "" : ` (${n})`;
      const candidate = clean.slice(0, 31 - suffix.length).trimEnd() + suffix;
      if (taken.has(candidate.toLowerCase())) continue;
      taken.add(candidate.toLowerCase());
      return candidate;
    }
  });
}

/** What is too long for a cell says how much is missing. */
function fitted(text: string): string {
  if (text.length <= MAX_CELL_CHARS) return text;
  const kept = text.slice(0, MAX_CELL_CHARS - 20);
  return `${kept} … [+${text.length - kept.length}]`;
}

const isImage = (cell: Cell | undefined): cell is ImageCell => typeof cell === "object" && cell !== null;

function cellXml(cell: Cell, reference: string, style: parts.Style | null = null): string {
  if (cell === null || cell === "" || isImage(cell)) return "";
  if (typeof cell === "number" && Number.isFinite(cell)) {
    return `<c r="${reference}" s="${style ?? parts.STYLE.number}"><v>${cell}</v></c>`;
  }
  const text = String(cell);
  // Marked as text, so that editing the cell later does not turn it into a formula.
  const look = style ?? (looksLikeFormula(text) ? parts.STYLE.quoted : parts.STYLE.text);
  return `<c r="${reference}" s="${look}" t="inlineStr"><is><t xml:space="preserve">${cellText(fitted(text))}</t></is></c>`;
}

/** A picture's size, made smaller where the highest row could not hold it. */
function fittedSize(cell: ImageCell): { widthPx: number; heightPx: number } {
  const most = MAX_ROW_POINTS / POINTS_PER_PX - 2 * IMAGE_MARGIN_PX;
  const scale = Math.min(1, most / cell.heightPx);
  return { widthPx: Math.round(cell.widthPx * scale), heightPx: Math.round(cell.heightPx * scale) };
}

function rowXml(row: readonly Cell[], number: number): string {
  const heights = row.filter(isImage).map((cell) => fittedSize(cell).heightPx);
  const points = heights.length > 0 ? (Math.max(...heights) + 2 * IMAGE_MARGIN_PX) * POINTS_PER_PX : null;
  const height = points === null ? "" : ` ht="${Math.min(MAX_ROW_POINTS, points)}" customHeight="1"`;
  const cells = row.map((cell, index) => cellXml(cell, `${columnName(index)}${number}`)).join("");
  return `<row r="${number}"${height}>${cells}</row>`;
}

/** Width of a column in characters: at least what its pictures need. */
function widthOf(sheet: Sheet, index: number): number {
  let widthChars = sheet.columns[index]?.widthChars ?? 10;
  for (const row of sheet.rows) {
    const cell = row[index];
    if (!isImage(cell)) continue;
    widthChars = Math.max(widthChars, (fittedSize(cell).widthPx + 2 * IMAGE_MARGIN_PX) / PX_PER_CHAR);
  }
  return Math.min(MAX_WIDTH_CHARS, Math.round(widthChars * 100) / 100);
}

function sheetXml(sheet: Sheet, hasDrawing: boolean): string {
  const width = Math.max(sheet.columns.length, ...sheet.rows.map((row) => row.length));
  const height = sheet.rows.length + 1;
  if (height > MAX_ROWS || width > MAX_COLUMNS) throw new SheetTooLarge(`${height} rows of ${width} cells`);
  const columns = Array.from({ length: width }, (_, index) => {
    const place = index + 1;
    return `<col min="${place}" max="${place}" width="${widthOf(sheet, index)}" customWidth="1"/>`;
  });
  const header = sheet.columns.map((column, index) => cellXml(column.header, `${columnName(index)}1`, parts.STYLE.header));
  const rows = sheet.rows.map((row, index) => rowXml(row, index + 2));
  return parts.worksheet({
    columns: columns.join(""),
    rows: `<row r="1">${header.join("")}</row>${rows.join("")}`,
    range: `A1:${columnName(Math.max(0, width - 1))}${height}`,
    hasDrawing,
  });
}

interface Media {
  /** Path below xl/media for each picture that could be used. */
  nameOf: ReadonlyMap<Blob, string>;
  entries: ZipEntry[];
  extensions: ReadonlySet<string>;
}

/** Each picture once, however many cells show it. One that cannot be decoded leaves its cell empty. */
async function collectMedia(sheets: readonly Sheet[]): Promise<Media> {
  const nameOf = new Map<Blob, string>();
  const entries: ZipEntry[] = [];
  const extensions = new Set<string>();
  for (const cell of sheets.flatMap((sheet) => sheet.rows.flat())) {
    if (!isImage(cell) || nameOf.has(cell.image)) continue;
    const usable: OfficeImage | null = await officeImage(cell.image);
    if (!usable) continue;
    const name = `image${entries.length + 1}.${usable.extension}`;
    nameOf.set(cell.image, name);
    extensions.add(usable.extension);
    entries.push({ name: `xl/media/${name}`, data: usable.blob, stored: true });
  }
  return { nameOf, entries, extensions };
}

/** The pictures of a sheet, and the files that they are in. Null: there are none. */
function drawingOf(sheet: Sheet, media: Media): { xml: string; relations: string } | null {
  const files: string[] = [];
  const anchors: string[] = [];
  sheet.rows.forEach((row, rowIndex) => {
    row.forEach((cell, column) => {
      const file = isImage(cell) ? media.nameOf.get(cell.image) : undefined;
      if (!isImage(cell) || file === undefined) return;
      if (!files.includes(file)) files.push(file);
      const { widthPx, heightPx } = fittedSize(cell);
      anchors.push(
        parts.anchor({
          id: anchors.length + 1,
          column,
          row: rowIndex + 1,
          relation: files.indexOf(file) + 1,
          marginEmu: IMAGE_MARGIN_PX * EMU_PER_PX,
          widthEmu: widthPx * EMU_PER_PX,
          heightEmu: heightPx * EMU_PER_PX,
        }),
      );
    });
  });
  if (anchors.length === 0) return null;
  return {
    xml: parts.drawing(anchors.join("")),
    relations: parts.relations(files.map((file) => ({ type: "image", target: `../media/${file}` }))),
  };
}

/** Throws: SheetTooLarge, ZipTooLarge. */
export async function writeXlsx(sheets: readonly Sheet[]): Promise<Blob> {
  const names = sheetNames(sheets.map((sheet) => sheet.name));
  const media = await collectMedia(sheets);
  const entries: ZipEntry[] = [];
  const overrides: parts.Override[] = [];
  sheets.forEach((sheet, index) => {
    const n = index + 1;
    const drawing = drawingOf(sheet, media);
    overrides.push({ path: `/xl/worksheets/sheet${n}.xml`, kind: "worksheet" });
    entries.push({ name: `xl/worksheets/sheet${n}.xml`, data: sheetXml(sheet, drawing !== null) });
    if (!drawing) return;
    overrides.push({ path: `/xl/drawings/drawing${n}.xml`, kind: "drawing" });
    entries.push(
      {
        name: `xl/worksheets/_rels/sheet${n}.xml.rels`,
        data: parts.relations([{ type: "drawing", target: `../drawings/drawing${n}.xml` }]),
      },
      { name: `xl/drawings/drawing${n}.xml`, data: drawing.xml },
      { name: `xl/drawings/_rels/drawing${n}.xml.rels`, data: drawing.relations },
    );
  });
  return writeZip(
    [
      { name: "[Content_Types].xml", data: parts.contentTypes(overrides, [...media.extensions]) },
      { name: "_rels/.rels", data: parts.relations([{ type: "officeDocument", target: "xl/workbook.xml" }]) },
      { name: "xl/workbook.xml", data: parts.workbook(names.map(escapeXml)) },
      {
        name: "xl/_rels/workbook.xml.rels",
        data: parts.relations([
          ...names.map((_, index) => ({ type: "worksheet" as const, target: `worksheets/sheet${index + 1}.xml` })),
          { type: "styles", target: "styles.xml" },
        ]),
      },
      { name: "xl/styles.xml", data: parts.styles() },
      ...entries,
      ...media.entries,
    ],
    XLSX_TYPE,
  );
}
