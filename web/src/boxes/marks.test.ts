// @vitest-environment node
import { describe, expect, it } from "vitest";
import { findMarks } from "./marks.ts";
import { pictureNumber } from "./picture_number.ts";
import { placeMarks, unitOf } from "./place.ts";
import { MarkWatch } from "./watch.ts";

const numbers = (text: string) => findMarks(text).map((mark) => mark.numbers);
const labels = (text: string) => findMarks(text).map((mark) => mark.label);

describe("findMarks", () => {
  it("reads an array in a code fence, with labels and places in the text", () => {
    const text =
      '好的：\n```json\n[\n\t{"bbox_2d": [10, 20, 300, 400], "label": "红色圆形"},\n\t{"bbox_2d": [1,2,3,4], "label": "b"}\n]\n```\n以上是结果。';
    const marks = findMarks(text);
    expect(marks.map(({ kind, numbers, label }) => ({ kind, numbers, label }))).toEqual([
      { kind: "box", numbers: [10, 20, 300, 400], label: "红色圆形" },
      { kind: "box", numbers: [1, 2, 3, 4], label: "b" },
    ]);
    expect(text.slice(marks[0]?.start, marks[0]?.end)).toBe('{"bbox_2d": [10, 20, 300, 400], "label": "红色圆形"}');
  });

  it.each([
    ['{"bbox_2d": [1, 2, 3, 4], "label": "a"}', "a single bare object"],
    ['见 {"label": "a", "bbox_2d": [1, 2, 3, 4]} 。后面还有文字 [1] {x}', "trailing text with brackets"],
    ["[{'bbox_2d': [1, 2, 3, 4], 'label': 'a'}]", "single quotes"],
    ['[{"bbox_2d": [1, 2, 3, 4,], "label": "a",},]', "trailing commas"],
    ['[{"bbox_2d": [1 2 3 4] "label": "a"}]', "missing commas"],
    ['{"bbox_2d": "[1, 2, 3, 4]", "label": "a"}', "numbers in a string"],
    ['{"bbox_2d": [[1, 2], [3, 4]], "label": "a"}', "two corners"],
    ['{"bbox_2d": [[1, 2, 3, 4]], "label": "a"}', "a list in a list"],
    ['{"objects": [{"info": {"bbox": [1, 2, 3, 4], "name": "a"}}]}', "deep inside"],
    ['{"bbox_2d": [1, 2, 3, 4], // 左上\n "label": "a"}', "a comment"],
    ['{"bbox_2d"：[1，2，3，4]，"label"："a"}', "full-width punctuation"],
    ['{"bbox_2d": [1, 2, 3, 2, 3, 4, 1, 4], "label": "a"}', "a quadrangle"],
    ['[note {"bbox_2d": [1, 2, 3, 4], "label": "a"}', "a bracket that is no JSON before it"],
  ])("reads %s: %s", (text) => {
    expect(numbers(text)).toEqual([[1, 2, 3, 4]]);
    expect(labels(text)).toEqual(["a"]);
  });

  it("reads points, one or many", () => {
    expect(findMarks('[{"point_2d": [394, 105], "label": "a"}]')).toMatchObject([{ kind: "point", numbers: [394, 105, 394, 105] }]);
    expect(numbers('{"points": [[1, 2], [3, 4]]}')).toEqual([
      [1, 2, 1, 2],
      [3, 4, 3, 4],
    ]);
    expect(numbers('{"bbox_2d": [5, 6]}')).toEqual([[5, 6, 5, 6]]);
  });

  it("shows a box once its numbers are whole, while the answer is being written", () => {
    const whole = '```json\n[{"bbox_2d": [10, 20, 300, 400], "label": "红"}, {"bbox_2d": [1, 2, 3, 4]}]';
    const seen = Array.from({ length: whole.length + 1 }, (_, length) => findMarks(whole.slice(0, length)));
    expect(seen.every((marks) => marks.every((mark) => [10, 1].includes(mark.numbers[0])))).toBe(true);
    const counts = seen.map((marks) => marks.length);
    expect(counts).toEqual([...counts].sort((a, b) => a - b));
    expect(seen[whole.indexOf("]") + 1]).toMatchObject([{ numbers: [10, 20, 300, 400], label: "" }]);
    expect(seen.at(-1)).toHaveLength(2);
  });

  it("finds nothing where there is nothing", () => {
    expect(findMarks('价格 [12](http://x) {"points": 30, "score": [1,2,3,4]} "bbox_2d": [1,2,3,4]')).toEqual([]);
    expect(findMarks('{"bbox_2d": [1, 2, 3]}')).toEqual([]);
    expect(findMarks('{"bbox_2d": []}')).toEqual([]);
  });

  it("takes time in proportion to the length, whatever the brackets", () => {
    expect(findMarks("[".repeat(20_000))).toEqual([]);
    expect(findMarks("[{".repeat(10_000))).toEqual([]);
    expect(findMarks(`${"[".repeat(200)}{"bbox_2d": [1,2,3,4]}`)).toHaveLength(1);
  });

  it("knows the picture by member, label, heading or context", () => {
    const pictures = (text: string) => findMarks(text).map((mark) => mark.picture);
    const box = '"bbox_2d": [1,2,3,4]';
    expect(pictures(`[{${box}, "image_index": 2}, {${box}, "image_index": 1}, {${box}}]`)).toEqual([2, 1, null]);
    expect(pictures(`[{${box}, "image_index": 0}, {${box}, "image_index": 1}]`)).toEqual([1, 2]);
    expect(pictures(`[{${box}, "image": "图3"}, {${box}, "label": "图2中的杯子"}]`)).toEqual([3, 2]);
    expect(pictures(`**图1**\n\`\`\`json\n[{${box}}]\n\`\`\`\nPicture 2:\n[{${box}}]\n还有 {${box}}`)).toEqual([1, 2, 2]);
    expect(pictures(`{"图2": [{${box}}], "image_1": {${box}}}`)).toEqual([2, 1]);
  });
});

describe("pictureNumber", () => {
  it("reads how pictures are named", () => {
    const named = ["图2", "图片 3", "第二张图", "Picture 4", "image #5", "在图一和图二里", "@图9"];
    expect(named.map((text) => pictureNumber(text))).toEqual([2, 3, 2, 4, 5, 1, 9]);
    expect(pictureNumber("在图一和图二里", "last")).toBe(2);
    expect(["地图2", "图12", "2 pictures", "imagine 3", ""].map((text) => pictureNumber(text))).toEqual([
      null,
      null,
      null,
      null,
      null,
    ]);
  });
});

describe("placeMarks", () => {
  const size = { width: 2000, height: 1500 };
  const marks = (...lists: [number, number, number, number][]) =>
    findMarks(JSON.stringify(lists.map((list) => ({ bbox_2d: list }))));

  it("takes numbers as thousandths, puts corners in order and cuts at the edge", () => {
    expect(placeMarks(marks([300, 400, 100, 200], [-20, 900, 500, 1010]), [size])).toMatchObject([
      {
        picture: 0,
        unit: "relative",
        marks: [
          { index: 0, left: 0.1, top: 0.2, right: 0.3, bottom: 0.4, cut: false },
          { index: 1, left: 0, top: 0.9, right: 0.5, bottom: 1, cut: true },
        ],
      },
    ]);
  });

  it("takes numbers far above 1000 as pixels where they fit the picture, and fractions as parts of one", () => {
    expect(placeMarks(marks([1000, 750, 1800, 1500]), [size])).toMatchObject([
      { unit: "pixels", marks: [{ left: 0.5, top: 0.5, right: 0.9, bottom: 1 }] },
    ]);
    expect(unitOf(marks([1000, 750, 1800, 1500]), { width: 640, height: 480 })).toBe("relative");
    expect(placeMarks(marks([0.25, 0, 0.5, 1]), [size])).toMatchObject([{ unit: "unit", marks: [{ left: 0.25, right: 0.5 }] }]);
    expect(unitOf(marks([0, 0, 1, 1]), size)).toBe("relative");
  });

  it("gives each picture its own, and the rest to the one that is chosen", () => {
    const found = findMarks('[{"bbox_2d":[1,2,3,4],"image_index":2},{"bbox_2d":[5,6,7,8]},{"bbox_2d":[5,6,7,8],"label":"图9"}]');
    expect(placeMarks(found, [size, size]).map((group) => [group.picture, group.marks.map((mark) => mark.index)])).toEqual([
      [0, [1, 2]],
      [1, [0]],
    ]);
    expect(placeMarks(found, [size, size, size], 2).map((group) => group.picture)).toEqual([1, 2]);
    expect(placeMarks(found, [size]).map((group) => group.marks.length)).toEqual([3]);
    expect(placeMarks(found, [])).toEqual([]);
  });
});

describe("MarkWatch", () => {
  it("finds a needle across the steps in which an answer grows, and starts over for another answer", () => {
    const watch = new MarkWatch();
    expect(["x [{", 'x [{"bb', 'x [{"bbox_2', 'x [{"bbox_2d"'].map((text) => watch.mayHold(text))).toEqual([
      false,
      false,
      true,
      true,
    ]);
    expect(watch.mayHold("nothing")).toBe(false);
  });
});
