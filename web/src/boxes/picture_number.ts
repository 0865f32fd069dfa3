const DIGITS = "一二三四五六七八九";

/** 图2, 图片 2, 第二张图, Picture 2, image #2; never 图2 of 地图2. */
const MENTION =
  /(?<![地截插附配])图(?:片|像)?\s*([1-9一二三四五六七八九])(?!\d)|第\s*([1-9一二三四五六七八九])\s*[张幅]|(?:\b|_)(?:picture|image|photo|pic|img)[\s_#]*([1-9])(?!\d)/gi;

/** The picture that a text names, from 1 to 9; null: none. */
export function pictureNumber(text: string, which: "first" | "last" = "first"): number | null {
  const mentions = [...text.matchAll(MENTION)];
  const mention = which === "first" ? mentions[0] : mentions.at(-1);
  const digit = mention?.[1] ?? mention?.[2] ?? mention?.[3];
  if (digit === undefined) return null;
  const place = DIGITS.indexOf(digit);
  return place >= 0 ? place + 1 : Number(digit);
}
