import { execa } from 'execa';
import { expect, test } from 'vitest';
import { commandLine } from '../../src/io/shell-quote.ts';

test.each(['plain', 'two words', "it's", '$(id)', '`id`', '', 'a\\b', '"q"', 'line\nend', '*'])(
  'a shell reads %j as one word, as it is',
  async (text) => {
    const run = (line: string) => execa('sh', ['-c', line], { stripFinalNewline: false });
    expect((await run(commandLine({ NOTE: text }, ['printenv', 'NOTE']))).stdout).toBe(`${text}\n`);
    expect((await run(commandLine({}, ['printf', '%s', text]))).stdout).toBe(text);
  },
);
