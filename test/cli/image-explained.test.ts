import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, test, vi } from 'vitest';
import { besidePath } from '../../src/image/beside.ts';
import { saveRecord } from '../../src/image/image-store.ts';
import { explainImage } from '../../src/inventory/explain-image.ts';
import type { BuildPlan } from '../../src/plan/build-plan.ts';
import { aRecord } from '../fixtures/image-record.ts';
import { anInventory } from '../fixtures/inventory.ts';
import { runCli } from '../support/run-cli.ts';
import { tempFolder } from '../support/temp-folder.ts';

let folder: string;

/** Two images, of which the older passed, and a third that nobody has explained. */
beforeEach(async () => {
  folder = tempFolder();
  vi.stubEnv('ECS_HOST_STATE', folder);
  vi.stubEnv('ECS_HOST_SIGNING_KEY', '');
  const smoke = {
    ...{ verdict: 'passed' as const, runId: 'r-1', finishedAt: '', instanceIds: [] },
    ...{ placement: null, checks: [], evidence: [] },
  };
  await saveRecord({ ...aRecord('ami-0aa'), smoke });
  await saveRecord({ ...aRecord('ami-0bb'), createdAt: '2026-11-24T12:00:00.000Z' });
  await saveRecord({ ...aRecord('ami-0cc'), createdAt: '2026-11-25T12:00:00.000Z' });
  const plan = { digest: '' } as BuildPlan;
  await explainImage('ami-0aa', plan, anInventory('ami-0aa'));
  await explainImage('ami-0bb', plan, { ...anInventory('ami-0bb'), npm: [{ name: 'zx', version: '9.0.0' }] });
  return () => vi.unstubAllEnvs();
});

function run(...args: string[]) {
  return runCli(['image', ...args], { env: { ECS_HOST_STATE: folder, ECS_HOST_CACHE: join(folder, 'cache') } });
}

describe('image', () => {
  test('sbom prints the document, or writes it', async () => {
    const text = await readFile(besidePath('ami-0aa', 'sbom'), 'utf8');
    expect(await run('sbom', 'ami-0aa')).toEqual({ exitCode: 0, stdout: text, stderr: '' });
    const file = join(folder, 'deep', 'image.cdx.json');
    const written = await run('sbom', 'ami-0aa', '--out', file, '--json');
    expect(JSON.parse(written.stdout)).toEqual({ type: 'sbom', imageId: 'ami-0aa', file });
    expect(await readFile(file, 'utf8')).toBe(text);
  });

  test('diff goes from the older to the newer, whichever is named first or alone', async () => {
    const expected = [
      'from ami-0aa to ami-0bb',
      'npm packages of our programs: 1 removed, 1 changed',
      '  - @scope/part 1.2.3',
      '  ~ zx 8.8.5 -> 9.0.0',
      'Files: not known, as no audit has read both disks',
    ].join('\n');
    for (const named of [['ami-0bb'], ['ami-0bb', 'ami-0aa'], ['ami-0aa', 'ami-0bb']])
      expect(await run('diff', ...named)).toEqual({ exitCode: 0, stdout: `${expected}\n`, stderr: '' });
    const { stdout } = await run('diff', 'ami-0bb', '--json');
    expect(JSON.parse(stdout)).toMatchObject({ before: 'ami-0aa', after: 'ami-0bb', packages: [] });
  });

  test('show says what there is, and what there is not', async () => {
    const { stdout } = await run('show', 'ami-0aa');
    expect(stdout).toContain('packages          4, and 2 of npm in our own programs');
    expect(stdout).toContain(`${folder}/images/ami-0aa.provenance.json (not signed)`);
    expect((await run('show', 'ami-0cc')).stdout).toContain('SBOM              none');
    expect(JSON.parse((await run('show', 'ami-0cc', '--json')).stdout)).toMatchObject({
      ...{ imageId: 'ami-0cc', explained: { packages: null, signedBy: [] } },
    });
  });

  test.each([
    [['sbom', 'ami-0cc'], 'What is on ami-0cc is not known here'],
    [['diff', 'ami-0cc'], 'What is on ami-0cc is not known here'],
    [['diff', 'ami-0aa'], 'No image of cpu-bookworm in local that passed is older than ami-0aa.'],
    [['diff', 'ami-0bb', 'ami-0dd'], 'There is no record of ami-0dd here.'],
    [['verify', 'ami-0dd'], 'There is no record of ami-0dd here.'],
    [['verify', 'ami-0aa', '--key', '/nowhere.pem'], '/nowhere.pem is no public key for signatures'],
  ])('%j is a mistake in one sentence', async (args, sentence) => {
    const { exitCode, stdout, stderr } = await run(...args);
    expect([exitCode, stdout]).toEqual([2, '']);
    expect(stderr).toContain(`ecs-host: ${sentence}`);
    expect(stderr).not.toMatch(/\n\s+at /);
  });
});
