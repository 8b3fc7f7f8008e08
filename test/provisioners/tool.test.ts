import { describe, expect, test } from 'vitest';
import { ask, ToolError, textOf, tool } from '../../provisioners/lib/tool.ts';

describe('tools get their arguments as they are', () => {
  test.each([
    "it's",
    'two words',
    '$HOME',
    '$(id)',
    '`id`',
    '*',
    '~',
    'a;b',
    'a && b',
    '> /tmp/x',
    'back\\slash',
    '"',
    'new\nline',
    '#x',
    '!!',
    'ä',
  ])('%j', async (hazard) => {
    expect(await textOf`printf %s ${hazard}`).toBe(hazard);
    // Each element of a list is one argument.
    expect(await textOf`printf [%s] ${[hazard, 'b']}`).toBe(`[${hazard}][b]`);
    // Also where it is only a part of one.
    expect(await textOf`printf %s --option=${hazard}`).toBe(`--option=${hazard}`);
  });

  test('without asking anybody: no terminal, no questions, one language', async () => {
    const { stdout } = await ask`sh -c ${'test -t 0 || echo "$DEBIAN_FRONTEND $LC_ALL"; read -r line || echo nobody'}`;
    expect(stdout).toBe('noninteractive C.UTF-8\nnobody\n');
  });
});

describe('a failed tool', () => {
  test('of apt says why, and not only that it failed', () => {
    const output = [
      'W: GPG error: https://x InRelease: The following signatures were invalid: EXPKEYSIG 1',
      "E: The repository 'https://x InRelease' is not signed.",
    ].join('\n');
    expect(new ToolError('apt-get update', 100, output).message).toContain('EXPKEYSIG');
  });

  test('has its most telling line as reason and the end of its output below', async () => {
    const error = await tool`sh -c ${'seq 100; echo "E: Unable to locate package x"; echo bye; exit 3'}`.catch(
      (caught: unknown) => caught,
    );
    expect(error).toBeInstanceOf(ToolError);
    const { message } = error as ToolError;
    expect(message).toMatch(/^exit code 3 from sh -c .*E: Unable to locate package x$/s);
    const shown = (error as ToolError).describe();
    expect(shown).toContain('lines before these');
    expect(shown).toContain('\n100\n');
    expect(shown).not.toContain('\n10\n');
  });

  test('is not an error when it is only asked', async () => {
    expect((await ask`false`).exitCode).toBe(1);
  });
});
