import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { commands } from '../../src/cli/table.ts';
import { commandOf, leaves } from '../../src/cli/verb-module.ts';
import { between, formatted } from '../generated-text.ts';
import { projectFolder } from '../setup-lib/paths.mjs';

/** The table of commands in README.md, from the table that yargs gets. */
const SOURCE = 'src/cli/table.ts';

/** `image show <image>`, with what it does. The group's name stands before its members'. */
function rows(): string {
  return [
    '| Command | What it does |',
    '| --- | --- |',
    ...leaves(commands(() => {})).map(({ path, verb }) => {
      const command = [...path.slice(0, -1), commandOf(verb)].join(' ');
      return `| \`${command}\` | ${String(verb.describe).replaceAll('|', '\\|')} |`;
    }),
  ].join('\n');
}

export default async (): Promise<{ path: string; text: string }[]> => {
  const path = 'README.md';
  const text = await readFile(join(projectFolder(), path), 'utf8');
  return [{ path, text: await formatted(path, between(text, 'commands', SOURCE, rows())) }];
};
