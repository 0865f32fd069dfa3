/** A conversation is a tree: messages with the same parent are branches of each other. Pure functions. */

interface Node {
  id: string;
  parentId: string | null;
  createdMs: number;
}

export type Tree<T extends Node> = ReadonlyMap<string, T>;

export function treeOf<T extends Node>(nodes: readonly T[]): Tree<T> {
  return new Map(nodes.map((node) => [node.id, node]));
}

/** Children of `parentId` (null: the first messages), oldest first. */
export function childrenOf<T extends Node>(tree: Tree<T>, parentId: string | null): T[] {
  return [...tree.values()].filter((node) => node.parentId === parentId).sort(byAge);
}

function byAge(a: Node, b: Node): number {
  return a.createdMs - b.createdMs || (a.id < b.id ? -1 : 1);
}

/** From the first message to `headId`. A chain that is broken (a lost parent) starts where it broke. */
export function pathTo<T extends Node>(tree: Tree<T>, headId: string | null): T[] {
  const path: T[] = [];
  const seen = new Set<string>();
  for (let id = headId; id !== null && !seen.has(id); ) {
    const node = tree.get(id);
    if (!node) break;
    seen.add(id);
    path.push(node);
    id = node.parentId;
  }
  return path.reverse();
}

/** The end of the newest branch at and below `id`. */
export function newestLeaf<T extends Node>(tree: Tree<T>, id: string): string {
  const children = new Map<string, T>();
  for (const node of tree.values()) {
    if (node.parentId === null) continue;
    const newest = children.get(node.parentId);
    if (!newest || byAge(newest, node) < 0) children.set(node.parentId, node);
  }
  let leaf = id;
  for (let child = children.get(leaf); child; child = children.get(leaf)) leaf = child.id;
  return leaf;
}

export interface Branches {
  /** Ids of a message and its siblings, oldest first. */
  ids: string[];
  /** Place of the message among them, from 0. */
  index: number;
}

/** For each message of the tree that has siblings: which. */
export function branchesOf<T extends Node>(tree: Tree<T>): Map<string, Branches> {
  const groups = new Map<string | null, T[]>();
  for (const node of tree.values()) {
    const group = groups.get(node.parentId);
    if (group) group.push(node);
    else groups.set(node.parentId, [node]);
  }
  const branches = new Map<string, Branches>();
  for (const group of groups.values()) {
    if (group.length < 2) continue;
    const ids = group.sort(byAge).map((node) => node.id);
    ids.forEach((id, index) => branches.set(id, { ids, index }));
  }
  return branches;
}
