/** What Mermaid needs to work where inline styles are forbidden. For the hidden frame only. */

/** Applies while Mermaid measures; the picture carries the same rules itself. */
const sheet = new CSSStyleSheet();
document.adoptedStyleSheets = [sheet];
let rules = "";

/** The rules of the diagram that was drawn last. */
export const styleRules = () => rules;

/** In the place of a style element, which the policy would empty: its rules go to the constructed sheet. */
function styleStandIn(): HTMLElement {
  const stand = createElement("x-style");
  Object.defineProperty(stand, "innerHTML", {
    set(css: string) {
      rules = css;
      sheet.replaceSync(css);
    },
  });
  return stand;
}
const createElement = document.createElement.bind(document);
document.createElement = ((tag: string, options?: ElementCreationOptions) =>
  tag.toLowerCase() === "style" ? styleStandIn() : createElement(tag, options)) as typeof document.createElement;

/** As an attribute a style is refused; as a property it is allowed. */
const { setAttribute } = Element.prototype;
Element.prototype.setAttribute = function (this: Element, name: string, value: string) {
  if (name === "style" && "style" in this) (this as HTMLElement).style.cssText = value;
  else setAttribute.call(this, name, value);
};

/** Mermaid parses its own result once more to clean it: there, too, style attributes would be refused. */
const { parseFromString } = DOMParser.prototype;
DOMParser.prototype.parseFromString = function (this: DOMParser, text: string, type: DOMParserSupportedType) {
  const clean = String(text).replaceAll(' style="', ' data-style="'); // comes as TrustedHTML, too
  return parseFromString.call(this, clean, type);
};
