/** Stands in for `punycode.js`: host names are written as the browser will ask for them. */

function toASCII(host: string): string {
  try {
    return new URL(`http://${host}`).hostname;
  } catch {
    return host;
  }
}

/** Left as it is: a look-alike of a known name shows as xn--… and deceives nobody. */
const toUnicode = (host: string) => host;

export default { toASCII, toUnicode };
