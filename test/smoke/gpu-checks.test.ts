import { describe, expect, test } from 'vitest';
import type { BuildPlan } from '../../src/plan/build-plan.ts';
import { CheckBook } from '../../src/smoke/checks/check-book.ts';
import { CHECKS } from '../../src/smoke/checks/check-definitions.ts';
import { checkGpu, checkGpuAfterRestart, isModel, OF_THE_GPU } from '../../src/smoke/checks/gpu-checks.ts';
import { type Answers, fakeSsh } from './fake-ssh.ts';

const plan = {
  developerWorkload: { app: 'base' },
  instanceTypes: ['g3s.xlarge', 'g4dn.xlarge'],
  target: { nvidia: { driverVersion: '580.178.04' } },
  substitutions: [],
} as unknown as BuildPlan;

/** A host on which all is well; what is taught before it counts first. */
const WELL: Answers = [
  [/--query-gpu=driver_version/, { stdout: '580.178.04\n' }],
  [/--query-gpu=name/, { stdout: 'Tesla M60\n' }],
  [/^docker version/, { stdout: '28.1.1\n' }],
  [/libnvidia-encode/, { stdout: '/usr/lib/x86_64-linux-gnu/libnvidia-encode.so.580.178.04\n' }],
  [/^docker (run --rm|exec)/, { stdout: 'GPU 0: Tesla M60 (UUID: GPU-1)\n' }],
  [/^(docker|sudo systemctl)/, {}],
];

function open() {
  return new CheckBook({
    definitions: CHECKS,
    selected: new Set(['workload']),
    signal: new AbortController().signal,
    onCheck: () => {},
  });
}

async function verdicts(answers: Answers, of = plan, asked: string[] = []): Promise<Record<string, string>> {
  const book = open();
  await checkGpu(fakeSsh([...answers, ...WELL], asked), of, book);
  const checks = book.finish().filter(({ id }) => OF_THE_GPU.includes(id));
  return Object.fromEntries(checks.map(({ id, verdict }) => [id, verdict]));
}

describe('the GPU', () => {
  test('is the one of the type, driven by the driver of the plan, and seen in containers three ways', async () => {
    const asked: string[] = [];
    const found = await verdicts([], plan, asked);
    expect(found).toEqual(Object.fromEntries(OF_THE_GPU.map((id) => [id, 'correct'])));
    for (const way of [/--runtime nvidia .*VISIBLE_DEVICES=all/, /--gpus all/, /--device nvidia\.com\/gpu=all/])
      expect(asked.some((command) => way.test(command))).toBe(true);
    expect(asked).toContain('docker rm --force ecs-host-smoke-gpu');
  });

  test('is not asked for by CDI of a Docker that has none, and one way that fails fails alone', async () => {
    const found = await verdicts([
      [/^docker version/, { stdout: '20.10.24+dfsg1\n' }],
      [/run --rm --gpus all/, { exitCode: 125, stderr: 'the NVIDIA Container Runtime Hook is not supported' }],
    ]);
    expect(found).toMatchObject({ 'gpu.container': 'correct', 'gpu.gpus-all': 'incorrect', 'gpu.cdi': 'skipped' });
  });

  test('with another driver, or none in the container, is incorrect', async () => {
    const found = await verdicts([
      [/--query-gpu=driver_version/, { stdout: '535.1.1\n' }],
      [/^docker run --rm/, { exitCode: 1, stderr: 'unknown runtime nvidia' }],
    ]);
    expect(found).toMatchObject({ 'gpu.driver': 'incorrect', 'gpu.container': 'incorrect' });
  });

  test.each([
    ['Tesla T4', 'correct'],
    ['NVIDIA A10G', 'incorrect'],
    ['Tesla M60\nTesla M60', 'incorrect'],
    ['', 'incorrect'],
  ])('that is %j is %s under types with one M60, or one T4', async (name, verdict) => {
    expect(await verdicts([[/--query-gpu=name/, { stdout: `${name}\n` }]])).toMatchObject({ 'gpu.model': verdict });
  });

  test('of a type that is not known is not judged', async () => {
    const found = await verdicts([], { ...plan, instanceTypes: ['g99.xlarge'] });
    expect(found['gpu.model']).toBe('skipped');
  });

  test('that a container loses when systemd reads its units is incorrect, and the container goes', async () => {
    const asked: string[] = [];
    const found = await verdicts([[/^docker exec/, { exitCode: 255, stderr: 'Unknown Error' }]], plan, asked);
    expect(found['gpu.after-reload']).toBe('incorrect');
    expect(asked).toContain('docker rm --force ecs-host-smoke-gpu');
  });

  test('encodes where it is a real one, and is skipped by name where it is simulated', async () => {
    expect((await verdicts([[/libnvidia-encode/, {}]]))['gpu.encoder']).toBe('incorrect');
    const substitutions = [{ component: 'nvidia-driver', source: 'the lab', reason: 'no GPU' }];
    expect((await verdicts([], { ...plan, substitutions }))['gpu.encoder']).toBe('skipped');
  });

  test('is there after a restart of Docker, which has to come back', async () => {
    const book = open();
    await checkGpuAfterRestart(fakeSsh(WELL), plan, book);
    expect(book.finish().find(({ id }) => id === 'gpu.after-restart')?.verdict).toBe('correct');
    const refused = fakeSsh([[/restart docker/, { exitCode: 1, stderr: 'the gate is shut' }]]);
    await expect(checkGpuAfterRestart(refused, plan, open())).rejects.toThrow('the gate is shut');
  });
});

test.each([
  ['Tesla M60', 'M60', true],
  ['NVIDIA L40S', 'L4', false],
  ['NVIDIA T4G', 'T4g', true],
  ['NVIDIA RTX PRO 6000 Blackwell Server Edition', 'RTX PRO Server 6000', true],
])('%s is EC2 name %s: %s', (said, name, is) => {
  expect(isModel(said, name)).toBe(is);
});
