/** The XML files inside a workbook, as text around what the caller puts in. */

const HEAD = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n';
const MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main";
const RELATION = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
const PACKAGE = "http://schemas.openxmlformats.org/package/2006";
const DRAWING = "http://schemas.openxmlformats.org/drawingml/2006";

/** Places in `cellXfs` of the style sheet below. */
export const STYLE = { text: 1, header: 2, number: 3, quoted: 4 } as const;
export type Style = (typeof STYLE)[keyof typeof STYLE];

const TYPES = {
  worksheet: "application/vnd.openxmlformats-officedocument.spreadsheetml.worksheet+xml",
  drawing: "application/vnd.openxmlformats-officedocument.drawing+xml",
};

export interface Override {
  path: string;
  kind: keyof typeof TYPES;
}

export function contentTypes(overrides: readonly Override[], imageExtensions: readonly string[]): string {
  const images = imageExtensions.map((extension) => `<Default Extension="${extension}" ContentType="image/${extension}"/>`);
  const parts = overrides.map(({ path, kind }) => `<Override PartName="${path}" ContentType="${TYPES[kind]}"/>`);
  return (
    `${HEAD}<Types xmlns="${PACKAGE}/content-types">` +
    `<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>` +
    `<Default Extension="xml" ContentType="application/xml"/>${images.join("")}` +
    `<Override PartName="/xl/workbook.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"/>` +
    `<Override PartName="/xl/styles.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.styles+xml"/>` +
    `${parts.join("")}</Types>`
  );
}

export interface Relation {
  type: "officeDocument" | "worksheet" | "styles" | "drawing" | "image";
  target: string;
}

/** Ids are rId1, rId2, … in the order given. */
export function relations(list: readonly Relation[]): string {
  const items = list.map(
    ({ type, target }, index) => `<Relationship Id="rId${index + 1}" Type="${RELATION}/${type}" Target="${target}"/>`,
  );
  return `${HEAD}<Relationships xmlns="${PACKAGE}/relationships">${items.join("")}</Relationships>`;
}

/** `names`: escaped; the sheet at place n has relation rId(n + 1). */
export function workbook(names: readonly string[]): string {
  const sheets = names.map((name, index) => `<sheet name="${name}" sheetId="${index + 1}" r:id="rId${index + 1}"/>`);
  return `${HEAD}<workbook xmlns="${MAIN}" xmlns:r="${RELATION}"><sheets>${sheets.join("")}</sheets></workbook>`;
}

export function styles(): string {
  const top = '<alignment vertical="top" wrapText="1"/>';
  return (
    `${HEAD}<styleSheet xmlns="${MAIN}">` +
    `<fonts count="2"><font><sz val="11"/><name val="Calibri"/><family val="2"/></font>` +
    `<font><b/><sz val="11"/><name val="Calibri"/><family val="2"/></font></fonts>` +
    `<fills count="3"><fill><patternFill patternType="none"/></fill><fill><patternFill patternType="gray125"/></fill>` +
    `<fill><patternFill patternType="solid"><fgColor rgb="FFE8EEEC"/><bgColor indexed="64"/></patternFill></fill></fills>` +
    `<borders count="1"><border><left/><right/><top/><bottom/><diagonal/></border></borders>` +
    `<cellStyleXfs count="1"><xf numFmtId="0" fontId="0" fillId="0" borderId="0"/></cellStyleXfs>` +
    `<cellXfs count="5"><xf numFmtId="0" fontId="0" fillId="0" borderId="0" xfId="0"/>` +
    `<xf numFmtId="0" fontId="0" fillId="0" borderId="0" xfId="0" applyAlignment="1">${top}</xf>` +
    `<xf numFmtId="0" fontId="1" fillId="2" borderId="0" xfId="0" applyFont="1" applyFill="1" applyAlignment="1">${top}</xf>` +
    `<xf numFmtId="0" fontId="0" fillId="0" borderId="0" xfId="0" applyAlignment="1"><alignment vertical="top"/></xf>` +
    `<xf numFmtId="0" fontId="0" fillId="0" borderId="0" xfId="0" quotePrefix="1" applyAlignment="1">${top}</xf>` +
    `</cellXfs><cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles></styleSheet>`
  );
}

export interface WorksheetParts {
  columns: string;
  rows: string;
  /** All cells, such as A1:C9. */
  range: string;
  /** Its relation is rId1. */
  hasDrawing: boolean;
}

/** Children in the order that the schema demands. */
export function worksheet({ columns, rows, range, hasDrawing }: WorksheetParts): string {
  return (
    `${HEAD}<worksheet xmlns="${MAIN}" xmlns:r="${RELATION}"><dimension ref="${range}"/>` +
    `<sheetViews><sheetView workbookViewId="0"><pane ySplit="1" topLeftCell="A2" activePane="bottomLeft" state="frozen"/>` +
    `</sheetView></sheetViews><sheetFormatPr defaultRowHeight="15"/>` +
    (columns === "" ? "" : `<cols>${columns}</cols>`) +
    `<sheetData>${rows}</sheetData>` +
    // An article number is text on purpose: no green corner.
    `<ignoredErrors><ignoredError sqref="${range}" numberStoredAsText="1"/></ignoredErrors>` +
    `${hasDrawing ? '<drawing r:id="rId1"/>' : ""}</worksheet>`
  );
}

export interface Anchor {
  id: number;
  /** From 0. */
  column: number;
  row: number;
  /** Number of the relation to the picture's file. */
  relation: number;
  marginEmu: number;
  widthEmu: number;
  heightEmu: number;
}

export function anchor({ id, column, row, relation, marginEmu, widthEmu, heightEmu }: Anchor): string {
  return (
    `<xdr:oneCellAnchor><xdr:from><xdr:col>${column}</xdr:col><xdr:colOff>${marginEmu}</xdr:colOff>` +
    `<xdr:row>${row}</xdr:row><xdr:rowOff>${marginEmu}</xdr:rowOff></xdr:from>` +
    `<xdr:ext cx="${widthEmu}" cy="${heightEmu}"/><xdr:pic><xdr:nvPicPr><xdr:cNvPr id="${id}" name="Picture ${id}"/>` +
    `<xdr:cNvPicPr><a:picLocks noChangeAspect="1"/></xdr:cNvPicPr></xdr:nvPicPr>` +
    `<xdr:blipFill><a:blip r:embed="rId${relation}"/><a:stretch><a:fillRect/></a:stretch></xdr:blipFill>` +
    `<xdr:spPr><a:xfrm><a:off x="0" y="0"/><a:ext cx="${widthEmu}" cy="${heightEmu}"/></a:xfrm>` +
    `<a:prstGeom prst="rect"><a:avLst/></a:prstGeom></xdr:spPr></xdr:pic><xdr:clientData/></xdr:oneCellAnchor>`
  );
}

export function drawing(anchors: string): string {
  return (
    `${HEAD}<xdr:wsDr xmlns:xdr="${DRAWING}/spreadsheetDrawing" xmlns:a="${DRAWING}/main" xmlns:r="${RELATION}">` +
    `${anchors}</xdr:wsDr>`
  );
}
