import { glob, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { CONFIG_CODES } from '../../src/config/codes.ts';
import { EcsHostError, outsideError, userError } from '../../src/io/errors.ts';
import { EXIT_CODES, MESSAGES } from '../../src/io/messages.ts';
import { projectFolder } from '../../src/io/paths.ts';
import { errorAsJson, exitCodeOf } from '../../src/io/render-error.ts';
import type { Message } from '../../src/io/reporter.ts';
import { changed, shipped } from '../config/shipped.ts';
import { runCli } from '../support/run-cli.ts';
import { tempFolder } from '../support/temp-folder.ts';

const codes = Object.keys(MESSAGES);
const configCodes = [...CONFIG_CODES.text, ...CONFIG_CODES.rules].map(({ code }) => code);

test('every code of the table is used, so that no script waits for one that never comes', async () => {
  const quoted = new Set<string>();
  for await (const file of glob(['src/**/*.ts', 'webserver/*.ts'], { cwd: projectFolder() })) {
    if (file === join('src', 'io', 'messages.ts')) continue;
    const text = await readFile(join(projectFolder(), file), 'utf8');
    // What is only compared with comes from nowhere.
    for (const [, code = ''] of text.matchAll(/(?<!= )'([A-Z][A-Z_]+)'/g)) quoted.add(code);
  }
  expect(codes.filter((code) => !quoted.has(code))).toEqual([]);
});

test('a code has one meaning, also beside those of hosts.yaml', () => {
  const all = [...codes, ...configCodes];
  expect(all.filter((code, at) => all.indexOf(code) !== at)).toEqual([]);
  for (const code of all) expect(code).toMatch(/^[A-Z0-9]+(_[A-Z0-9]+)*$/);
});

test('docs/messages.md has a line for every code, once, with its exit code', async () => {
  const text = await readFile(join(projectFolder(), 'docs', 'messages.md'), 'utf8');
  const rows = [...text.matchAll(/^\| `(\w+)` \| (\w+) \|(?: (\d+) \|)?/gm)]
    .map(([, code = '', level = '', exit]) => ({ code, level, exit }))
    .filter(({ code }) => code === code.toUpperCase());
  expect(rows.map(({ code }) => code).toSorted()).toEqual([...codes, ...configCodes].toSorted());
  for (const { code, level, exit } of rows)
    if (code in MESSAGES) {
      expect([code, level]).toEqual([code, MESSAGES[code as keyof typeof MESSAGES].level]);
      expect([code, exit]).toEqual([code, level in EXIT_CODES ? String(EXIT_CODES[level as 'user']) : undefined]);
    }
});

test('a code that is missing, or of another level, does not compile', () => {
  const made = [
    // @ts-expect-error: no such code.
    userError('NO_SUCH_CODE', 'x'),
    // @ts-expect-error: an error of the user.
    outsideError('USAGE', 'x'),
    // @ts-expect-error: the same.
    new EcsHostError('verdict', 'USAGE', 'x'),
    // @ts-expect-error: a warning.
    userError('SWEEP_FAILED', 'x'),
    // @ts-expect-error: carries no details.
    userError('USAGE', 'x', undefined, []),
    // @ts-expect-error: carries no output.
    outsideError('SMOKE_TIMEOUT', 'x', undefined, 'y'),
  ];
  const emitted: Message[] = [
    // @ts-expect-error: a note.
    { type: 'warning', code: 'SWEPT', text: 'x' },
    // @ts-expect-error: a warning.
    { type: 'note', code: 'SWEEP_FAILED', text: 'x' },
    // @ts-expect-error: a rule of hosts.yaml is a detail of CONFIG_WARNING.
    { type: 'warning', code: 'INSTANCE_TYPE_RETIRED', text: 'x' },
  ];
  expect([made.length, emitted.length]).toEqual([6, 3]);
});

test('an error as JSON is what messages.md says, with the end of the output', () => {
  const output = Array.from({ length: 100 }, (_, at) => `line ${at}`).join('\n');
  expect(errorAsJson(outsideError('PACKER_FAILED', 'No.', undefined, output))).toEqual({
    type: 'error',
    kind: 'outside',
    code: 'PACKER_FAILED',
    reason: 'No.',
    hint: null,
    details: [],
    output: expect.stringMatching(/^line 60\n[\s\S]*line 99$/),
  });
  expect(errorAsJson(new TypeError('x'))).toMatchObject({ kind: 'bug', code: 'BUG', output: null });
  expect(exitCodeOf(new TypeError('x'))).toBe(EXIT_CODES.bug);
});

test('a mistake and a warning of hosts.yaml say which rule they are of, to people and with --json', async () => {
  const state = tempFolder();
  const [wrong, good] = [join(state, 'wrong.yaml'), join(state, 'good.yaml')];
  await writeFile(wrong, changed('rootVolume: { sizeGiB: 32 } # 8', 'rootVolume: { sizeGiB: 8 } # 8'));
  await writeFile(good, shipped);
  const [refused, told, accepted, warned] = await Promise.all([
    runCli(['check', '--config', wrong, '--json']),
    runCli(['check', '--config', wrong]),
    runCli(['check', '--config', good, '--json']),
    runCli(['check', '--config', good]),
  ]);
  expect(refused.exitCode).toBe(EXIT_CODES.user);
  expect(JSON.parse(refused.stdout)).toMatchObject({
    code: 'CONFIG_INVALID',
    details: [{ code: 'VOLUME_TOO_SMALL', where: expect.stringMatching(/wrong\.yaml:\d+:\d+$/) }],
  });
  expect(told.stderr).toContain('[VOLUME_TOO_SMALL]');
  expect(JSON.parse(accepted.stdout)).toMatchObject({
    ok: true,
    warnings: [{ code: 'INSTANCE_TYPE_RETIRED' }, { code: 'SECURITY_UPDATES_ENDED' }],
  });
  expect(warned.stdout).toContain('[INSTANCE_TYPE_RETIRED]');
});
