import { beforeEach, expect, test, vi } from 'vitest';
import { sinceLines } from '../../src/cli/standing-lines.ts';
import { saveRecord } from '../../src/image/image-store.ts';
import { findSince } from '../../src/image/since.ts';
import type { BuildPlan } from '../../src/plan/build-plan.ts';
import { inputsOf } from '../../src/plan/inputs.ts';
import { aRecord } from '../fixtures/image-record.ts';
import { goldenPlan } from '../render/golden-cases.ts';
import { fakeClients } from '../run/fake-clients.ts';
import { tempFolder } from '../support/temp-folder.ts';

const plan = await goldenPlan('cpu-bookworm-local');
const CREATED = '2026-11-26T22:10:00.000Z';

/** The same plan a while ago: another Docker, and a file less. */
const former: BuildPlan = {
  ...plan,
  target: { ...plan.target, docker: { ...plan.target.docker, version: '20.10.1' } },
  bundles: plan.bundles.slice(1),
};

function untaught() {
  return fakeClients({}).clients;
}

function tagged(tags: Record<string, string>) {
  const Tags = Object.entries(tags).map(([name, Value]) => ({ Key: `ecs-host:${name}`, Value }));
  const Images = [{ ImageId: 'ami-0aa', State: 'available', CreationDate: CREATED, Tags }];
  return fakeClients({ DescribeImages: () => ({ Images }) }).clients;
}

beforeEach(() => {
  vi.stubEnv('ECS_HOST_STATE', tempFolder());
});

test("by the inputs in an image's record: what changed, before and after", async () => {
  await saveRecord({ ...aRecord('ami-0aa'), createdAt: CREATED, inputs: inputsOf(former) });
  const since = await findSince(untaught(), plan, 'ami-0aa');
  const { path } = plan.bundles[0] ?? { path: '' };
  expect(since).toMatchObject({
    isSame: false,
    comparedBy: 'inputs',
    changed: [
      { name: 'docker.version', before: '20.10.1', after: plan.target.docker.version },
      { name: `file ${path}`, before: null },
    ],
  });
  expect(sinceLines(since, plan.profile)).toEqual([
    'Changed since ami-0aa of 2026-11-26 22:10 UTC',
    `  docker.version: 20.10.1 → ${plan.target.docker.version}`,
    expect.stringContaining(`  file ${path}: new (`),
  ]);
});

test('nothing changed is said so', async () => {
  await saveRecord({ ...aRecord('ami-0aa'), createdAt: CREATED, inputs: inputsOf(plan) });
  const since = await findSince(untaught(), plan, 'ami-0aa');
  expect(since).toMatchObject({ isSame: true, changed: [] });
  expect(sinceLines(since, plan.profile)).toEqual(['Nothing changed since ami-0aa of 2026-11-26 22:10 UTC']);
});

test('by the tags of an image without a record: base image and versions, and that more may differ', async () => {
  const docker = plan.target.docker.version ?? '';
  const clients = tagged({
    'plan-digest': 'another',
    'source-image': 'ami-former',
    ...{ 'version/docker': docker, 'version/node': '1.2.3', 'version/git': '2.0' },
  });
  const since = await findSince(clients, plan, 'ami-0aa');
  expect(since).toMatchObject({
    isSame: false,
    comparedBy: 'versions',
    changed: [
      { name: 'base image', before: 'ami-former', after: plan.baseImage.id },
      { name: 'node', before: '1.2.3', after: plan.node.version },
    ],
  });
  expect(sinceLines(since, plan.profile).at(-1)).toContain('more may have changed');
});

test('by tags with the same digest: nothing', async () => {
  const since = await findSince(tagged({ 'plan-digest': plan.digest, 'source-image': 'x' }), plan, 'ami-0aa');
  expect(since).toMatchObject({ isSame: true, changed: [] });
});

test('by a record of an older kind: as by the tags', async () => {
  await saveRecord({ ...aRecord('ami-0aa'), versions: { node: '1.2.3' } });
  const since = await findSince(untaught(), plan, 'ami-0aa');
  expect(since).toMatchObject({ comparedBy: 'versions', changed: [{ name: 'base image' }, { name: 'node' }] });
});

test('without an id: since the newest that passed, or nothing to compare with', async () => {
  const tags = { verdict: 'passed', 'plan-digest': plan.digest };
  expect(await findSince(tagged(tags), plan, null)).toMatchObject({ imageId: 'ami-0aa', isSame: true });
  const none = fakeClients({ DescribeImages: () => ({ Images: [] }) }).clients;
  expect(await findSince(none, plan, null)).toBeNull();
  expect(sinceLines(null, 'cpu-bookworm')).toEqual([expect.stringMatching(/no image of profile cpu-bookworm/)]);
});

test('an image that is not there, or not of ours, is refused', async () => {
  const none = fakeClients({ DescribeImages: () => ({ Images: [] }) }).clients;
  await expect(findSince(none, plan, 'ami-0aa')).rejects.toMatchObject({ code: 'IMAGE_UNKNOWN', kind: 'user' });
  await expect(findSince(tagged({}), plan, 'ami-0aa')).rejects.toMatchObject({ code: 'IMAGE_FOREIGN', kind: 'user' });
  await expect(findSince(none, plan, 'nothing')).rejects.toMatchObject({ code: 'IMAGE_ID', kind: 'user' });
});
