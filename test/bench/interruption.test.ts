import { join } from 'node:path';
import { execa } from 'execa';
import { describe, expect, test } from 'vitest';
import { projectFolder } from '../../src/io/paths.ts';

const MODULE = join(projectFolder(), 'bench', 'interruption.ts');

/** A bench, each part of which says on stdout that it began and that it is done. */
function program({ begin = '', work = '', end = '', patienceMs = 60_000 }): string {
  return `
    import { setTimeout as sleep } from 'node:timers/promises';
    import { withEnding } from ${JSON.stringify(MODULE)};
    await withEnding({
      begin: async () => { console.log('begin'); ${begin}; console.log('begun'); return 'lab'; },
      work: async (lab, signal) => { console.log('work'); ${work}; console.log('worked'); },
      end: async (lab) => { console.log('end ' + lab); ${end}; console.log('ended'); },
      patienceMs: ${patienceMs},
    });
    console.log('after');`;
}

type Ended = { readonly exitCode: number | undefined; readonly said: string; readonly stderr: string };

/** Sends it a signal whenever it says one of `at`. */
async function run(text: string, signal: NodeJS.Signals = 'SIGINT', ...at: readonly string[]): Promise<Ended> {
  const child = execa(process.execPath, ['--input-type=module', '--eval', text], { stdin: 'ignore', reject: false });
  for await (const line of child.iterable()) if (at.includes(line)) child.kill(signal);
  const { exitCode, stdout, stderr } = await child;
  return { exitCode, said: stdout.split('\n').join(', '), stderr };
}

const WAITS = `await sleep(60_000, undefined, { signal })`;

describe('what a bench started ends', () => {
  test('when it is done', async () => {
    expect(await run(program({}))).toEqual({
      exitCode: 0,
      said: 'begin, begun, work, worked, end lab, ended, after',
      stderr: '',
    });
  });

  test('when it fails, and the failure is told', async () => {
    const { exitCode, said, stderr } = await run(program({ work: `throw new Error('no gate')` }));
    expect({ exitCode, said }).toEqual({ exitCode: 1, said: 'begin, begun, work, end lab, ended' });
    expect(stderr).toContain('no gate');
  });

  test.each(['SIGINT', 'SIGTERM'] as const)('at %s, once the work has released what it made', async (signal) => {
    const work = `try { ${WAITS} } finally { await sleep(100); console.log('released') }`;
    expect(await run(program({ work }), signal, 'work')).toEqual({
      exitCode: 130,
      said: 'begin, begun, work, released, end lab, ended',
      stderr: `${signal}: ending what was started`,
    });
  });

  test('once, and wholly, whatever is pressed meanwhile', async () => {
    const { exitCode, said, stderr } = await run(
      program({ work: WAITS, end: 'await sleep(300)' }),
      'SIGINT',
      ...['work', 'end lab'],
    );
    expect({ exitCode, said }).toEqual({ exitCode: 130, said: 'begin, begun, work, end lab, ended' });
    expect(stderr).toContain('SIGINT: still ending what was started');
  });

  test('when it is interrupted while it begins: that is not half begun, and no work is done', async () => {
    expect(await run(program({ begin: 'await sleep(300)' }), 'SIGTERM', 'begin')).toMatchObject({
      exitCode: 130,
      said: 'begin, begun, end lab, ended',
    });
  });

  test('when the work does not heed the interruption', async () => {
    const work = 'setInterval(() => {}, 1000); await new Promise(() => {})';
    expect(await run(program({ work, patienceMs: 200 }), 'SIGINT', 'work')).toMatchObject({
      exitCode: 130,
      said: 'begin, begun, work, end lab, ended',
    });
  });

  test('or, where something is left, that is told', async () => {
    const end = `throw new Error('the lab left a mount behind')`;
    const { exitCode, stderr } = await run(program({ work: WAITS, end }), 'SIGINT', 'work');
    expect(exitCode).toBe(130);
    expect(stderr).toContain('the lab left a mount behind');
  });
});
