/** Which mark is meant just now: by the pointer, by the keyboard, or kept by a click. */
export class MarkLink {
  /** Places among the marks of the answer; several where one object in the text holds several. */
  hovered = $state.raw<readonly number[]>([]);
  kept = $state.raw<readonly number[]>([]);
  readonly lit: readonly number[] = $derived(this.hovered.length > 0 ? this.hovered : this.kept);

  isLit(index: number): boolean {
    return this.lit.includes(index);
  }

  /** A second click on what is kept lets it go. */
  keep(indexes: readonly number[]): void {
    const same = indexes.length === this.kept.length && indexes.every((index) => this.kept.includes(index));
    this.kept = same ? [] : indexes;
  }
}
