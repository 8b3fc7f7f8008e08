import { cp, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { buildBundle } from '../../src/bundle/bundle.ts';
import type { BuildPlan } from '../../src/plan/build-plan.ts';
import { writePlan } from '../../src/plan/plan-file.ts';
import { resolvePlan } from '../../src/plan/resolve.ts';
import { templateText } from '../../src/render/render.ts';
import { goldenInput } from '../render/golden-cases.ts';
import { runCli } from '../support/run-cli.ts';
import { sharedTempFolder } from '../support/temp-folder.ts';

const folder = sharedTempFolder();
let plan: BuildPlan;
beforeAll(async () => {
  const input = await goldenInput('g3s-focal-us-east-2');
  const carried = await buildBundle({
    folder: join(folder, 'bundle'),
    wantsStandInAgent: false,
    hostProgram: null,
  });
  plan = resolvePlan({ ...input, bundles: carried.files, node: carried.node });
  await writePlan(join(folder, 'plan.json'), plan);
});

/** As on another machine: no hosts.yaml, no credentials, no lab. */
function render(file: string, out: string) {
  return runCli(['render', '--plan', file, '--out', out, '--json'], {
    cwd: folder,
    env: { ECS_HOST_STATE: join(folder, 'state'), AWS_ENDPOINT_URL: '' },
  });
}

test('a plan made yesterday renders today what it said, here and from what was rendered', async () => {
  const [here, there] = [join(folder, 'here'), join(folder, 'there')];
  const first = await render(join(folder, 'plan.json'), here);
  expect(first.exitCode, first.stderr).toBe(0);
  expect(await readFile(join(here, 'image.pkr.json'), 'utf8')).toBe(templateText(plan));
  await cp(here, join(folder, 'carried-over'), { recursive: true });
  const second = await render(join(folder, 'carried-over', 'plan.json'), there);
  expect(second.exitCode, second.stderr).toBe(0);
  for (const name of await readdir(here))
    expect((await readFile(join(here, name))).equals(await readFile(join(there, name))), name).toBe(true);
});

test('a checkout that carries other files is refused by their names', async () => {
  const bundles = plan.bundles.map((each) => (each.path === 'rootfs.tar' ? { ...each, sha256: 'a'.repeat(64) } : each));
  const input = await goldenInput('g3s-focal-us-east-2');
  const file = join(folder, 'other.json');
  await writePlan(file, resolvePlan({ ...input, bundles, node: plan.node }));
  const { exitCode, stderr } = await render(file, join(folder, 'none'));
  expect(exitCode).toBe(2);
  expect(stderr).toContain('carries other files than this checkout gives: rootfs.tar.');
});

test('a bundle beside the plan that is none is refused', async () => {
  const beside = join(folder, 'torn');
  await cp(join(folder, 'here', 'plan.json'), join(beside, 'plan.json'), { recursive: true });
  await writeFile(join(beside, 'bundle.tar'), 'nothing of a tar');
  const { exitCode, stderr } = await render(join(beside, 'plan.json'), join(folder, 'none'));
  expect(exitCode).toBe(2);
  expect(stderr).toContain('bundle.tar cannot be unpacked');
});

test.each([
  ['region', 'local'],
  ['profile', 'p'],
  ['config', 'c'],
])('--plan and --%s are two answers to one question', async (name, value) => {
  for (const verb of [['ami'], ['bake'], ['render'], ['smoke', 'ami-0123']]) {
    const { exitCode, stderr } = await runCli([...verb, '--plan', 'plan.json', `--${name}`, value]);
    expect(exitCode).toBe(2);
    expect(stderr).toContain(`--plan and --${name} were both given`);
  }
});

test('a stored plan is of one region', async () => {
  const { exitCode, stderr } = await runCli(['ami', '--plan', 'plan.json', '--or-region', 'us-east-1']);
  expect([exitCode, stderr]).toEqual([2, expect.stringContaining('--plan and --or-region were both given')]);
});

test('a plan that is not there is told before anything starts', async () => {
  const { exitCode, stderr } = await runCli(['ami', '--plan', '/none/plan.json']);
  expect(exitCode).toBe(2);
  expect(stderr).toContain('/none/plan.json cannot be used as a plan: it does not exist.');
});
