import type { YAMLError } from 'yaml';
import { printable } from '#contracts/printable.ts';

type Words = { readonly reason: string; readonly hint: string };

const QUOTES = 'text that contains ": " or " #", or begins with a special character, needs quotes';

/** What the parser's codes mean to whoever edits the file. */
const MEANINGS: Readonly<Partial<Record<YAMLError['code'], Words>>> = {
  TAB_AS_INDENT: { reason: 'a tab is used to indent', hint: 'indent with spaces' },
  BAD_INDENT: {
    reason: 'the indentation does not fit the lines before it',
    hint: 'keys of one mapping begin in the same column, and what is below a key further right',
  },
  MULTILINE_IMPLICIT_KEY: {
    reason: 'this line has no "key: value"',
    hint: `put a colon and a space behind the key; ${QUOTES}`,
  },
  BLOCK_AS_IMPLICIT_KEY: { reason: 'two keys stand on one line', hint: `begin a new line; ${QUOTES}` },
  BLOCK_IN_FLOW: { reason: 'a mapping or list of lines stands inside brackets', hint: 'use one style for both' },
  BAD_DQ_ESCAPE: {
    reason: 'a backslash in double quotes is followed by something that YAML does not know',
    hint: 'use single quotes, or write the backslash twice',
  },
  BAD_ALIAS: { reason: 'an alias (*) or anchor (&) has no proper name', hint: QUOTES },
  ALIAS_PROPS: { reason: 'an alias (*) has an anchor or tag of its own', hint: 'remove the anchor or tag' },
  MULTIPLE_ANCHORS: { reason: 'a value has two anchors (&)', hint: 'remove one' },
  MULTIPLE_TAGS: { reason: 'a value has tags (!)', hint: `remove them; ${QUOTES}` },
  TAG_RESOLVE_FAILED: { reason: 'tags (!) are not used in this file', hint: `remove it; ${QUOTES}` },
  BAD_DIRECTIVE: { reason: 'a directive (%) is not used in this file', hint: 'remove the line' },
  MULTIPLE_DOCS: {
    reason: 'a second document begins here',
    hint: 'a file holds one document: remove the line of three dashes and what is behind it',
  },
  KEY_OVER_1024_CHARS: { reason: 'a key has more than 1024 characters', hint: QUOTES },
};

/** The character that the parser misses is only in its message. */
function missing(message: string): Words {
  const quote = /closing (["'])quote/.exec(message)?.[1];
  if (quote !== undefined) return { reason: `the text has no closing ${quote}`, hint: `add ${quote} at its end` };
  const character = /end with (?:an? )?([\]}])|(,) between/.exec(message);
  const name = character?.[1] ?? character?.[2];
  return name === undefined
    ? { reason: 'a character is missing here', hint: 'look for a quote or bracket that is not closed' }
    : { reason: `a ${name} is missing before this`, hint: 'close every bracket, with commas between what is inside' };
}

/** What the parser found, without its jargon. */
export function syntaxWords(error: YAMLError, text: string): Words {
  // A bracket that is not closed is one of two codes.
  if (error.code === 'MISSING_CHAR' || / end with an? [\]}]$/.test(error.message)) return missing(error.message);
  const found = printable(text.slice(error.pos[0], error.pos[0] + 40).split('\n')[0] ?? '', 30).trim();
  if (error.code === 'BAD_SCALAR_START')
    return { reason: `text cannot begin with ${found.slice(0, 1)}`, hint: 'put it in quotes' };
  return (
    MEANINGS[error.code] ?? {
      reason: found === '' ? 'something is missing here' : `${found} does not belong here`,
      hint: `look for a missing colon, comma or quote; ${QUOTES}`,
    }
  );
}
