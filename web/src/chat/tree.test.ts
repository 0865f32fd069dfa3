import { describe, expect, it } from "vitest";
import { branchesOf, childrenOf, newestLeaf, pathTo } from "./tree.ts";

const node = (id: string, parentId: string | null, createdMs: number) => ({ id, parentId, createdMs });
/**
 * u1 ─ a1 ─ u2 ─ a2
 *    ├ a1b        (asked again)
 *    └ …   u2b ─ a2b   (u2 edited)
 */
const tree = new Map(
  [
    node("a2", "u2", 4),
    node("u1", null, 1),
    node("a1", "u1", 2),
    node("u2", "a1", 3),
    node("a1b", "u1", 7),
    node("u2b", "a1", 5),
    node("a2b", "u2b", 6),
  ].map((each) => [each.id, each]),
);
const ids = (nodes: { id: string }[]) => nodes.map((each) => each.id);

describe("tree", () => {
  it("walks from the first message to the head", () => {
    expect(ids(pathTo(tree, "a2"))).toEqual(["u1", "a1", "u2", "a2"]);
    expect(ids(pathTo(tree, "a1b"))).toEqual(["u1", "a1b"]);
    expect(pathTo(tree, null)).toEqual([]);
    expect(pathTo(tree, "unknown")).toEqual([]);
  });

  it("does not walk in circles, whatever the disk holds", () => {
    const ring = new Map([node("a", "b", 1), node("b", "a", 2)].map((each) => [each.id, each]));
    expect(ids(pathTo(ring, "a"))).toEqual(["b", "a"]);
  });

  it("lists children and branches oldest first", () => {
    expect(ids(childrenOf(tree, "a1"))).toEqual(["u2", "u2b"]);
    expect(branchesOf(tree).get("u2b")).toEqual({ ids: ["u2", "u2b"], index: 1 });
    expect(branchesOf(tree).get("a1")).toEqual({ ids: ["a1", "a1b"], index: 0 });
    expect(branchesOf(tree).has("a2")).toBe(false);
  });

  it("goes down the newest branch", () => {
    expect(newestLeaf(tree, "a1")).toBe("a2b");
    expect(newestLeaf(tree, "u2")).toBe("a2");
    expect(newestLeaf(tree, "a1b")).toBe("a1b");
  });
});
