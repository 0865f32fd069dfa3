/** What the chat template writes around one message: role, separators. */
export const MESSAGE_TOKENS = 5;

/** What it writes after the last one, so that the model answers. */
export const ANSWER_START_TOKENS = 3;

/** Start and end mark of a picture, and the label before it. */
export const IMAGE_MARK_TOKENS = 2;
export const IMAGE_LABEL_TOKENS = 8;

const CJK_TOKENS = 0.75;
const MARK_TOKENS = 0.8;
const LETTERS_PER_TOKEN = 5;

/**
 * What a text costs, about, while the tokenizer cannot be asked: Chinese three tokens to four characters,
 * a digit one, a word one for each five letters. Made for the Qwen tokenizers; rather high than low.
 */
export function estimateTokens(text: string): number {
  let tokens = 0;
  let word = 0;
  const endWord = () => {
    if (word > 0) tokens += Math.ceil(word / LETTERS_PER_TOKEN);
    word = 0;
  };
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    const isLetter = (code >= 97 && code <= 122) || (code >= 65 && code <= 90) || (code >= 0xc0 && code < 0x2000);
    if (isLetter) {
      word += 1;
      continue;
    }
    endWord();
    if (code === 32) continue;
    if (code >= 48 && code <= 57) tokens += 1;
    else if (code >= 0x3400 && code < 0xa000) tokens += CJK_TOKENS;
    else tokens += MARK_TOKENS;
  }
  endWord();
  return Math.ceil(tokens);
}
