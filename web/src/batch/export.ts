import { findBanned, type BannedWord } from "../presets/banned.ts";
import type { Database } from "../store/db.ts";
import { loadImage } from "../store/images.ts";
import { writeCsv } from "../files/csv.ts";
import { writeXlsx, type Cell, type Sheet } from "../files/xlsx.ts";
import { cellOf, type AnswerColumn } from "./columns.ts";
import type { BatchRow } from "./records.ts";

/** Headings, in the reader's language. */
export interface Headings {
  number: string;
  picture: string;
  name: string;
  answer: string;
  banned: string;
  problem: string;
}

export interface SheetSource {
  title: string;
  rows: readonly BatchRow[];
  columns: readonly AnswerColumn[];
  headings: Headings;
  /** Null: the preset does not ask for a check. */
  bannedWords: readonly BannedWord[] | null;
  problemText: (row: BatchRow) => string;
}

/** Longer side on the sheet. */
const THUMB_PX = 96;
/** Pixels for each of them, for screens with two. */
const DENSITY = 2;
const NAME_CHARS = 24;
const ANSWER_CHARS = 42;

interface Table {
  headers: { text: string; widthChars: number }[];
  rows: string[][];
}

/** Everything but the pictures: file name, answers, and what is wrong where something is. Pure. */
export function tableOf(source: SheetSource): Table {
  const { rows, columns, headings, bannedWords, problemText } = source;
  const texts = rows.map((row) => columns.map((column) => cellOf(row, column, columns).text));
  const found = texts.map((cells) =>
    bannedWords ? [...new Set(cells.flatMap((cell) => findBanned(cell, bannedWords).map((hit) => hit.found)))] : [],
  );
  const problems = rows.map((row) => (row.status === "error" ? problemText(row) : ""));
  const withBanned = found.some((words) => words.length > 0);
  const withProblems = problems.some((problem) => problem !== "");
  const answerChars = columns.length > 3 ? ANSWER_CHARS / 2 : ANSWER_CHARS;
  return {
    headers: [
      { text: headings.name, widthChars: NAME_CHARS },
      ...columns.map((column) => ({ text: column.label ?? headings.answer, widthChars: answerChars })),
      ...(withBanned ? [{ text: headings.banned, widthChars: NAME_CHARS }] : []),
      ...(withProblems ? [{ text: headings.problem, widthChars: ANSWER_CHARS }] : []),
    ],
    rows: rows.map((row, index) => [
      row.image.name,
      ...(texts[index] ?? []),
      ...(withBanned ? [(found[index] ?? []).join(" ")] : []),
      ...(withProblems ? [problems[index] ?? ""] : []),
    ]),
  };
}

export function toCsv(source: SheetSource): Blob {
  const { headers, rows } = tableOf(source);
  return writeCsv([headers.map((header) => header.text), ...rows], { bom: true, guardFormulas: true });
}

/** Small and JPEG: hundreds of them have to fit in a file that can be mailed. Null: the picture is gone. */
async function smallPicture(db: Database, row: BatchRow): Promise<Cell> {
  const stored = await loadImage(db, row.image.sha256);
  if (!stored) return null;
  const { width, height } = row.image;
  const scale = THUMB_PX / Math.max(width, height);
  const widthPx = Math.max(1, Math.round(width * scale));
  const heightPx = Math.max(1, Math.round(height * scale));
  const bitmap = await createImageBitmap(stored.thumb ?? stored.blob);
  try {
    const canvas = document.createElement("canvas");
    canvas.width = widthPx * DENSITY;
    canvas.height = heightPx * DENSITY;
    const context = canvas.getContext("2d");
    if (!context) return null;
    context.fillStyle = "#fff"; // JPEG knows no transparency
    context.fillRect(0, 0, canvas.width, canvas.height);
    context.imageSmoothingQuality = "high";
    context.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
    const image = await new Promise<Blob | null>((resolve) => {
      canvas.toBlob(resolve, "image/jpeg", 0.85);
    });
    return image && { image, widthPx, heightPx };
  } finally {
    bitmap.close();
  }
}

/** A workbook with the pictures beside their answers. Throws: what the writer throws. */
export async function toXlsx(db: Database, source: SheetSource): Promise<Blob> {
  const { headers, rows } = tableOf(source);
  const cells: Cell[][] = [];
  for (const [index, row] of source.rows.entries()) {
    cells.push([index + 1, await smallPicture(db, row).catch(() => null), ...(rows[index] ?? [])]);
  }
  const sheet: Sheet = {
    name: source.title,
    columns: [
      { header: source.headings.number, widthChars: 6 },
      { header: source.headings.picture, widthChars: 14 },
      ...headers.map(({ text, widthChars }) => ({ header: text, widthChars })),
    ],
    rows: cells,
  };
  return writeXlsx([sheet]);
}

const escapeHtml = (text: string) => text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");
const tsvCell = (text: string) => (/["\t\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);

/** For the clipboard: a spreadsheet takes either as cells. */
export function toClipboard(source: SheetSource): { text: string; html: string } {
  const { headers, rows } = tableOf(source);
  const all = [headers.map((header) => header.text), ...rows];
  const html = all.map((row) => `<tr>${row.map((cell) => `<td>${escapeHtml(cell).replace(/\n/g, "<br>")}</td>`).join("")}</tr>`);
  return {
    text: all.map((row) => row.map(tsvCell).join("\t")).join("\n"),
    html: `<table><tbody>${html.join("")}</tbody></table>`,
  };
}
