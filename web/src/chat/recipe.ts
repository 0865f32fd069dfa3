import { planSend, type Plan, type PlanInput } from "../context/plan.ts";

export type RecipeInput = Pick<PlanInput, "path" | "card" | "maxImages" | "systemPrompt" | "sampling">;

/** What to send for the question at the end of `path` where nothing has to be counted: a single question. Pure. */
export function buildRecipe(input: RecipeInput): Plan {
  return planSend({
    ...input,
    budget: null,
    count: () => 0,
    cut: null,
    known: () => null,
    olderPictures: "whenNeeded",
    shrunk: false,
    exact: () => false,
  });
}
