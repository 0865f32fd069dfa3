/** How large a picture is sent, and what it costs: pure arithmetic. */

import type { SendMode } from "../store/records.ts";

/** Pixels on a side of what becomes one token: 16-pixel patches, merged two by two. */
const TOKEN_PX = 32;
export const PIXELS_PER_TOKEN = TOKEN_PX * TOKEN_PX;

/** About one megapixel. Also the least that llama.cpp's authors advise for boxes and points. */
export const FAST_TOKENS = 1024;

export interface VisionBudget {
  minTokens: number;
  maxTokens: number;
}

/** Qwen3-VL's own, before the gateway has said what the model takes. */
export const DEFAULT_BUDGET: VisionBudget = { minTokens: 64, maxTokens: 16_384 };

export interface Size {
  width: number;
  height: number;
}

const multiple = (value: number, round: (value: number) => number) =>
  Math.max(TOKEN_PX, round(value / TOKEN_PX) * TOKEN_PX);

/**
 * The size at which the model looks at a picture: both sides multiples of 32, the area within the budget.
 * Source: `smart_resize` of Qwen's image processor.
 */
export function modelSize({ width, height }: Size, { minTokens, maxTokens }: VisionBudget): Size {
  const most = maxTokens * PIXELS_PER_TOKEN;
  const least = minTokens * PIXELS_PER_TOKEN;
  const rounded = { width: multiple(width, Math.round), height: multiple(height, Math.round) };
  if (rounded.width * rounded.height > most) {
    const shrink = Math.sqrt((width * height) / most);
    return { width: multiple(width / shrink, Math.floor), height: multiple(height / shrink, Math.floor) };
  }
  if (rounded.width * rounded.height < least) {
    const grow = Math.sqrt(least / (width * height));
    return { width: multiple(width * grow, Math.ceil), height: multiple(height * grow, Math.ceil) };
  }
  return rounded;
}

/** What a picture that is sent with this size costs in the model's context. */
export function imageTokens(size: Size, budget: VisionBudget): number {
  const { width, height } = modelSize(size, budget);
  return (width * height) / PIXELS_PER_TOKEN;
}

/**
 * The size at which a picture is sent. Never larger than it is, and only made smaller where it has more
 * than the mode allows; then to multiples of 32, so that the model need not scale it a second time.
 */
export function sentSize(mode: SendMode, size: Size, budget: VisionBudget): Size {
  if (mode === "original") return size;
  const maxTokens = mode === "fast" ? Math.min(FAST_TOKENS, budget.maxTokens) : budget.maxTokens;
  if (size.width * size.height <= maxTokens * PIXELS_PER_TOKEN) return size;
  const { width, height } = modelSize(size, { minTokens: 1, maxTokens });
  return { width: Math.min(width, size.width), height: Math.min(height, size.height) };
}
