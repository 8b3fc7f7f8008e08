import { glob, readFile } from 'node:fs/promises';
import { EXIT_CODES } from '../../src/io/errors.ts';
import { projectFolder } from '../setup-lib/paths.mjs';

/**
 * docs/messages.md: the code of every error and message, found where it is thrown or emitted. Codes are the contract for scripts; this list
 * makes one that is added, renamed or dropped visible in the diff of a commit.
 */
type Message = { readonly code: string; readonly meaning: string; readonly text: string };

/** What a script sees of each way to end. */
const KINDS: Readonly<Record<string, string>> = {
  userError: `exit ${EXIT_CODES.user}`,
  outsideError: `exit ${EXIT_CODES.outside}`,
  user: `exit ${EXIT_CODES.user}`,
  outside: `exit ${EXIT_CODES.outside}`,
  verdict: `exit ${EXIT_CODES.verdict}`,
  interrupted: `exit ${EXIT_CODES.interrupted}`,
};

const TEXT = /\s*(?:'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)"|`((?:[^`\\]|\\.)*)`)/.source;
const THROWN = new RegExp(`(userError|outsideError)\\(\\s*'([A-Z_]+)',${TEXT}`, 'g');
const MADE = new RegExp(`new EcsHostError\\(\\s*'(\\w+)',\\s*'([A-Z_]+)',${TEXT}`, 'g');
const EMITTED = new RegExp(`type: '(warning|note)',\\s*code: '([A-Z_]+)',\\s*text:${TEXT}`, 'g');

/** What is filled in becomes an ellipsis. */
function plain(text: string): string {
  return text
    .replaceAll(/\$\{(?:[^{}]|\{[^{}]*\})*\}/g, '…')
    .replaceAll('\\', '')
    .replaceAll('|', '\\|');
}

function messagesOf(source: string): Message[] {
  return [...source.matchAll(THROWN), ...source.matchAll(MADE), ...source.matchAll(EMITTED)].map(
    ([, kind = '', code = '', a, b, c]) => ({ code, meaning: KINDS[kind] ?? kind, text: plain(a ?? b ?? c ?? '') }),
  );
}

export default async (): Promise<{ path: string; text: string }[]> => {
  const messages: Message[] = [];
  for await (const file of glob('src/**/*.ts', { cwd: projectFolder() })) {
    if (!file.includes('generate')) messages.push(...messagesOf(await readFile(`${projectFolder()}/${file}`, 'utf8')));
  }
  const rows = messages.map(({ code, meaning, text }) => `| \`${code}\` | ${meaning} | ${text} |`);
  const text = [
    '<!-- Generated from the sources by `npm run generate`. -->',
    '',
    '# Messages',
    '',
    'Codes are stable, prose is not. With `--json` an error is the last line: `{"type":"error","kind":…,"code":…,"reason":…,"hint":…,"details":[…]}`;',
    'warnings and notes are events with `type` and `code`. Mistakes in hosts.yaml have codes of their own: [configuration.md](configuration.md).',
    '',
    '| Code | | Text |',
    '| --- | --- | --- |',
    ...new Set(rows.toSorted()),
    '',
  ].join('\n');
  return [{ path: 'docs/messages.md', text }];
};
