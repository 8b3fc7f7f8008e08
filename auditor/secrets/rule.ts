/** A rule of either table. */
export type Rule = {
  readonly id: string;
  /** Nothing that the rule finds is without one of these. */
  readonly literals: readonly string[];
  /** How much behind such a literal the rule has to see, in bytes. */
  readonly reach: number;
  /** Where chance would often make what it looks for, it is for files alone. */
  readonly inFilesOnly: boolean;
  /**
   * @param text a byte a character; what is not ASCII is U+0001
   * @param path of the file; a file has a name that some rules go by
   * @returns where secrets begin
   */
  find(text: string, path: string | null): readonly number[];
};
