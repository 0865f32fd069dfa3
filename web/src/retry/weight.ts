/** How much a piece of text says: the shorter it is, the more often it may repeat before that is a loop. */

const CJK = /[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff]/;
const LETTER = /\p{L}/u;
const DIGIT = /\p{Nd}/u;

export interface Weight {
  /** Letters, a Chinese, Japanese or Korean one counted twice. */
  letters: number;
  digits: number;
}

export function weigh(text: string): Weight {
  let letters = 0;
  let digits = 0;
  for (const char of text) {
    if (char < "\u0080") {
      const code = char.charCodeAt(0);
      if (code >= 48 && code <= 57) digits += 1;
      else if ((code >= 65 && code <= 90) || (code >= 97 && code <= 122)) letters += 1;
    } else if (CJK.test(char)) letters += 2;
    else if (LETTER.test(char)) letters += 1;
    else if (DIGIT.test(char)) digits += 1;
  }
  return { letters, digits };
}

/** What a line or sentence amounts to as one thing that can be repeated. */
export function substance(text: string): number {
  const { letters, digits } = weigh(text);
  return letters === 0 ? 0 : letters + digits;
}
