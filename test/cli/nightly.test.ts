import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { shipped } from '../config/shipped.ts';
import type { NIGHT } from '../fixtures/night.ts';
import { runCli } from '../support/run-cli.ts';
import { tempFolder } from '../support/temp-folder.ts';

const NIGHTLY = `
nightly:
  - { profile: g6-noble, region: us-east-2 }
  - { profile: g6-noble, region: us-east-1 }
  - { profile: cpu-bookworm, region: local }
`;

async function configWithNights(): Promise<string> {
  const file = join(tempFolder(), 'hosts.yaml');
  await writeFile(file, shipped + NIGHTLY);
  return file;
}

test('--matrix is one line of JSON, from hosts.yaml, and starts nothing', async () => {
  const { exitCode, stdout } = await runCli(['nightly', '--matrix', '--config', await configWithNights()]);
  expect(exitCode).toBe(0);
  expect(stdout.trim().split('\n')).toHaveLength(1);
  expect(JSON.parse(stdout)).toEqual({
    include: [{ profile: 'g6-noble', regions: '--region us-east-2 --region us-east-1', awsRegion: 'us-east-2' }],
  });
});

test('a night that cannot ask AWS fails for each item, writes its summary all the same, and exits 2', async () => {
  const folder = tempFolder();
  const [summary, artifacts] = [join(folder, 'summary.md'), join(folder, 'artifacts')];
  await writeFile(summary, 'a step before\n');
  const regions = ['--region', 'us-east-2', '--region', 'us-east-1', '--profile', 'g6-noble'];
  const { exitCode, stdout, stderr } = await runCli(
    ['nightly', ...regions, '--summary', summary, '--artifacts', artifacts],
    { env: { ECS_HOST_STATE: folder } },
  );
  expect(exitCode, stderr).toBe(2);
  expect(stdout.match(/^failed .*CREDENTIALS_MISSING/gm)).toHaveLength(2);
  const text = await readFile(summary, 'utf8');
  expect(text).toMatch(/^a step before\n## Nightly: 2 failed\n/);
  expect(text).toContain('No AWS credentials were found');
  const report = JSON.parse(await readFile(join(artifacts, 'nightly.json'), 'utf8')) as typeof NIGHT;
  expect(report.outcomes.map(({ region }) => region)).toEqual(['us-east-2', 'us-east-1']);
});

test.each([
  [['--jobs', '0'], '--jobs is 0.'],
  [['--jobs', '1.5'], '--jobs is 1.5.'],
  [['--region', 'us-east-3'], 'did you mean us-east-'],
  [['--profile', 'g6-nobel'], 'did you mean g6-noble?'],
])('nightly %j is a mistake before anything is started', async (options, reason) => {
  const { exitCode, stderr } = await runCli(['nightly', ...options], { env: { ECS_HOST_STATE: tempFolder() } });
  expect(exitCode).toBe(2);
  expect(stderr).toContain(reason);
});

test('issues need what GitHub gives a job, and summaries that can be read', async () => {
  const folder = tempFolder();
  const args = ['nightly', 'issue', '--summaries', folder];
  const env = { ECS_HOST_STATE: tempFolder(), GITHUB_TOKEN: '', GITHUB_REPOSITORY: '' };
  const without = await runCli(args, { env });
  expect(without.exitCode).toBe(2);
  expect(without.stderr).toContain('GITHUB_TOKEN, GITHUB_REPOSITORY');
  await writeFile(join(folder, 'nightly.json'), '{}');
  const damaged = await runCli(args, { env });
  expect(damaged.exitCode).toBe(2);
  expect(damaged.stderr).toContain('nightly.json cannot be read as a night');
});
