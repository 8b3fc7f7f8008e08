import { CONFIG_CODES } from '../../src/config/codes.ts';
import { EXIT_CODES, type Level, MESSAGES } from '../../src/io/messages.ts';

/** docs/messages.md: the table of messages, printed, and the codes of hosts.yaml from its rules. */
type Entry = { readonly level: Level; readonly meaning: string; readonly carries?: 'details' | 'output' };

const ENTRIES: readonly (readonly [string, Entry])[] = Object.entries(MESSAGES).toSorted(([a], [b]) =>
  a.localeCompare(b, 'en'),
);

const INTRODUCTION = `<!-- Generated from src/io/messages.ts and src/config/codes.ts by \`npm run generate\`. -->

# Messages

Codes and exit codes are stable, prose is not. A script looks at the exit code first, which says who must act, and with
\`--json\` at the code:

\`\`\`sh
if ! answer=$(bin/ecs-host plan --region us-east-2 --json); then
  case $(tail -n 1 <<<"$answer" | jq -r .code) in
    CONFIG_INVALID) jq -r '.details[] | "\\(.where) \\(.code)"' <<<"$answer" ;;
    CREDENTIALS_MISSING) aws sso login ;;
    *) exit 1 ;;
  esac
fi
\`\`\`

| Exit code | Kind | Who must act |
| --- | --- | --- |
| ${EXIT_CODES.bug} | \`bug\` | whoever maintains ecs-host |
| ${EXIT_CODES.user} | \`user\` | you |
| ${EXIT_CODES.outside} | \`outside\` | an outside tool or service; often it is enough to try again |
| ${EXIT_CODES.verdict} | \`verdict\` | nobody: the program did its work, and the image is not good |
| ${EXIT_CODES.interrupted} | \`interrupted\` | nobody |

\`ami\`, \`bake\`, \`smoke\` and \`webserver serve\` print one event a line, each an object with a \`type\`; the other verbs
print one document. Either way an error is the last line of stdout:
\`{"type":"error","kind":…,"code":…,"reason":…,"hint":…,"details":[…],"output":…}\`. Where the table says _details_, each
has a \`reason\` and, where there is one, \`where\`, \`key\`, \`code\` and \`hint\`. _output_ is the end of what a child process
printed, else null.

Without an error line end \`doctor\` and \`sweep\` when the document itself says what is missing or could not be removed
(exit codes ${EXIT_CODES.user} and ${EXIT_CODES.outside}), \`lab\`, which is a program of its own, and whatever is interrupted three times (exit code ${EXIT_CODES.interrupted}).
`;

function rows(isWanted: (level: Level) => boolean, columns: (level: Level) => string): string[] {
  return ENTRIES.filter(([, { level }]) => isWanted(level)).map(
    ([code, { level, meaning, carries = '' }]) => `| \`${code}\` | ${columns(level)} | ${carries} | ${meaning} |`,
  );
}

function isRemark(level: Level): level is 'warning' | 'note' {
  return level === 'warning' || level === 'note';
}

export default async (): Promise<{ path: string; text: string }[]> => {
  const text = [
    INTRODUCTION,
    '## Errors',
    '',
    '| Code | Kind | Exit code | Carries | Meaning |',
    '| --- | --- | --- | --- | --- |',
    ...rows(
      (level) => !isRemark(level),
      (level) => `${level} | ${isRemark(level) ? '' : EXIT_CODES[level]}`,
    ),
    '',
    '## Warnings and notes',
    '',
    'They end nothing. As events they are `{"type":"warning","code":…,"text":…,"hint":…}`, with `details` where the table',
    'says so; verbs that print one document tell them on stderr.',
    '',
    '| Code | Type | Carries | Meaning |',
    '| --- | --- | --- | --- |',
    ...rows(isRemark, (level) => level),
    '',
    '## hosts.yaml',
    '',
    'Codes of the details of `CONFIG_INVALID`, `CONFIG_UNREADABLE` and `CONFIG_WARNING`, of `warnings` in plan.json and of',
    'those that `check` lists. [configuration.md](configuration.md) has the keys that they are about.',
    '',
    '| Code | | What holds |',
    '| --- | --- | --- |',
    ...[...CONFIG_CODES.text, ...CONFIG_CODES.rules]
      .toSorted((a, b) => a.code.localeCompare(b.code, 'en'))
      .map(({ code, severity, title }) => `| \`${code}\` | ${severity} | ${title} |`),
    '',
  ].join('\n');
  return [{ path: 'docs/messages.md', text }];
};
