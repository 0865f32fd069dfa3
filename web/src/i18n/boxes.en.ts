import type { boxesZhCN } from "./boxes.zh-CN.ts";
import type { Phrase } from "./zh-CN.ts";

export const boxesEn: Record<keyof typeof boxesZhCN, Phrase> = {
  "zoom.view": "{name}, can be zoomed: + and - zoom, 0 fits the window, arrow keys move, a double click enlarges",
  "zoom.group": "Zoom",
  "zoom.in": "Zoom in",
  "zoom.out": "Zoom out",
  "zoom.toggle": "{percent}%: switch between the whole picture and a closer look",
  "zoom.gone": "This picture ({name}) is no longer in this browser.",

  "boxes.group": { one: "{n} mark on the picture", other: "{n} marks on the picture; arrow keys go from one to the next" },
  "boxes.box": "Box {number} {label}",
  "boxes.point": "Point {number} {label}",
  "boxes.unnamed": "The answer names no picture. Drawn on:",
  "boxes.pixels": "Coordinates are taken as pixels, since some are above 1000.",
  "boxes.cut": {
    one: "{n} mark reached over the edge and was cut there.",
    other: "{n} marks reached over the edge and were cut there.",
  },
  "boxes.enlarge": "Enlarge",
  "boxes.save": "Save the picture with its marks (PNG, original size)",
  "boxes.copy": "Copy the picture with its marks",
  "boxes.copied": "Copied the picture with its marks",
  "boxes.failed": "The picture with its marks could not be made: {message}",
  "boxes.fileSuffix": "marked",
  "boxes.hide": "Hide the marks",
  "boxes.show": "Show the marks",

  "shortcuts.zoom": "In the enlarged view: zoom in, zoom out, fit the window",
  "shortcuts.region": "In the enlarged view: ask about a region",

  "region.start": "Ask about a region",
  "region.title": "The region",
  "region.frame":
    "The region: left {x}, top {y}, {width} × {height} pixels. Arrow keys move it, with Shift they resize it, with Ctrl by one pixel; Enter asks",
  "region.help": "Drag to draw it; arrow keys move it, Shift with arrow keys resizes it",
  "region.tiny": "It is small: sent {factor} times as large, so that the model can see it",
  "region.full": "At most {max} pictures at a time: remove one first",
  "region.ask": "Ask about this region",
  "region.cancel": "Cancel",
  "region.enlarged": "The region has only {width} × {height} pixels; it was made {factor} times as large.",
};
