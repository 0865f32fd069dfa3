/**
 * Stands in for the `entities` package in the bundle: the browser's parser knows every named character
 * reference already. markdown-it hands over one reference at a time (`&copy;`) and takes an unchanged
 * text for "no such name".
 */
export function decodeHTMLStrict(reference: string): string {
  if (!/^&[a-z][a-z0-9]{0,31};$/i.test(reference)) return reference;
  const area = document.createElement("textarea"); // its content is text to the parser: no element can come of it
  area.innerHTML = reference;
  return area.value;
}
