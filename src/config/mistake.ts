/** One thing that is wrong in the text, and where. What a person reads is made only for what is shown. */
export type Mistake<Code extends string = TextCode> = {
  /** Where in the text, in UTF-16 units. */
  readonly offset: number;
  readonly path: readonly (string | number)[];
  readonly code: Code;
  readonly words: () => { readonly reason: string; readonly hint: string };
};

/**
 * The codes of mistakes in the text and in single values; those of rules stand with the rules. docs/configuration.md
 * lists all.
 */
export const TEXT_CODES = {
  FILE_EMPTY: 'The file says something.',
  FILE_TOO_LARGE:
    'The file has at most 50,000 lines, brackets, colons and commas, 1000 aliases, and 2000 keys in one mapping.',
  NOT_UTF8: 'The file is UTF-8 text.',
  CHARACTER_REFUSED: 'The file holds no control characters, and none that turn the direction of text around.',
  YAML_SYNTAX: 'The file is one document of YAML 1.2 without directives and tags.',
  LIKE_CIRCLE: 'No profile is like itself, not over others either.',
  LIKE_UNKNOWN: 'The profile that another is `like` is there.',
  NESTED_TOO_DEEP:
    'Nothing is nested deeper than 50 levels, and aliases and `like` do not multiply the file beyond 100,000 values.',
  KEY_TWICE: 'A key stands once in its mapping.',
  KEY_NOT_TEXT: 'A key is text.',
  ALIAS_UNKNOWN: 'An alias has its anchor before it.',
  KEY_UNKNOWN: 'Every key is one of this page.',
  KEY_MISPLACED: 'A key stands below the key that it belongs to.',
  KEY_MISSING: 'Required keys are there.',
  NAME_FORM: 'Names of profiles and regions, and paths of submodules, have their form.',
  VALUE_TYPE: 'A value is of the type of its key.',
  VALUE_FORM: 'Text has the form that its key says.',
  VALUE_RANGE: 'Numbers and lengths are within their limits.',
  VALUE_UNKNOWN: 'A value is one of those that its key takes.',
  VALUE_TWICE: 'A list does not name the same twice.',
} as const;

export type TextCode = keyof typeof TEXT_CODES;
