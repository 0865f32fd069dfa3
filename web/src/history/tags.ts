import type { Conversation } from "../store/records.ts";

/** Longer ones would not fit into a row of the history. */
export const MAX_TAG_CHARS = 40;
/** On one conversation. */
export const MAX_TAGS = 20;

const COLLATOR = new Intl.Collator(undefined, { numeric: true });

/** Two spellings of one tag have one key. */
const keyOf = (tag: string) => tag.toLocaleLowerCase();

/** What somebody typed, as a tag: "" if nothing is left of it. */
export function tidyTag(typed: string): string {
  const text = typed.normalize("NFC").replace(/\s+/g, " ").replace(/^[\s#＃]+/, "").trim();
  return [...text].slice(0, MAX_TAG_CHARS).join("").trim();
}

/** `typed` may be several, between commas. */
export function tagsIn(typed: string): string[] {
  return typed.split(/[,，;；\n]/).map(tidyTag).filter(Boolean);
}

export interface TagCount {
  tag: string;
  count: number;
}

/** All tags there are, as the first conversation writes them; the most used first. */
export function countTags(conversations: readonly Conversation[]): TagCount[] {
  const counts = new Map<string, TagCount>();
  for (const { tags } of conversations) {
    for (const tag of tags ?? []) {
      const known = counts.get(keyOf(tag));
      if (known) known.count += 1;
      else counts.set(keyOf(tag), { tag, count: 1 });
    }
  }
  return [...counts.values()].sort((a, b) => b.count - a.count || COLLATOR.compare(a.tag, b.tag));
}

export function hasTags({ tags }: Conversation, wanted: readonly string[]): boolean {
  if (!tags || tags.length < wanted.length) return false;
  const here = tags.map(keyOf);
  return wanted.every((tag) => here.includes(keyOf(tag)));
}

/** `tags` with more at the end, none twice; each as it is written elsewhere (`known`) already. */
export function withTags(tags: readonly string[], added: readonly string[], known: readonly TagCount[] = []): string[] {
  const result = [...tags];
  for (const tag of added) {
    const key = keyOf(tag);
    if (result.length >= MAX_TAGS || result.some((other) => keyOf(other) === key)) continue;
    result.push(known.find((other) => keyOf(other.tag) === key)?.tag ?? tag);
  }
  return result;
}

export function withoutTags(tags: readonly string[], removed: readonly string[]): string[] {
  const keys = removed.map(keyOf);
  return tags.filter((tag) => !keys.includes(keyOf(tag)));
}

export const sameTag = (one: string, other: string): boolean => keyOf(one) === keyOf(other);

/** `to` in the place of `from`; one of them where both are there. */
export function renamedTag(tags: readonly string[], from: string, to: string): string[] {
  if (!tags.some((tag) => sameTag(tag, from))) return [...tags];
  const others = sameTag(from, to) ? tags : withoutTags(tags, [to]);
  return others.map((tag) => (sameTag(tag, from) ? to : tag));
}

/** Tags to choose from: those that begin with what was typed, then those that hold it. */
export function suggestTags(all: readonly TagCount[], taken: readonly string[], typed: string, most: number): string[] {
  const key = keyOf(tidyTag(typed));
  const free = all.map(({ tag }) => tag).filter((tag) => !taken.some((other) => sameTag(other, tag)));
  const begin = free.filter((tag) => keyOf(tag).startsWith(key));
  const hold = free.filter((tag) => !keyOf(tag).startsWith(key) && keyOf(tag).includes(key));
  return [...begin, ...hold].slice(0, most);
}
