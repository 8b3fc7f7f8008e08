import { describe, expect, test } from 'vitest';
import type { OwnerFile } from '../../src/run/owner.ts';
import { emptyInventory, type Inventory } from '../../src/run/sweep/inventory.ts';
import { selectLeftovers } from '../../src/run/sweep/select.ts';
import { runState } from '../../src/run/sweep/sweep.ts';

const DEAD = 'r-20261101120000-dead00';
const LIVE = 'r-20261101120000-live00';
function of(runId: string, more: Record<string, string> = {}): Record<string, string> {
  return {
    'ecs-host:run-id': runId,
    ...more,
  };
}
function stateOf(runId: string): 'alive' | 'dead' {
  return runId === DEAD ? 'dead' : 'alive';
}

const inventory: Inventory = {
  instances: [
    { id: 'i-dead', state: 'running', tags: of(DEAD) },
    { id: 'i-live', state: 'running', tags: of(LIVE) },
    { id: 'i-foreign', state: 'running', tags: {} },
  ],
  securityGroups: [
    { id: 'sg-dead', name: 'packer_1', tags: of(DEAD) },
    { id: 'sg-live', name: 'packer_2', tags: of(LIVE) },
  ],
  keyPairs: [{ id: 'key-dead', tags: of(DEAD) }],
  volumes: [{ id: 'vol-dead', tags: of(DEAD) }],
  images: [
    {
      id: 'ami-finished',
      state: 'available',
      snapshotIds: ['snap-finished'],
      tags: of(DEAD, { 'ecs-host:verdict': 'not-run' }),
    },
    {
      id: 'ami-pending',
      state: 'pending',
      snapshotIds: ['snap-pending'],
      tags: of(DEAD, { 'ecs-host:verdict': 'not-run' }),
    },
    { id: 'ami-untagged', state: 'available', snapshotIds: ['snap-untagged'], tags: of(DEAD) },
    { id: 'ami-live', state: 'pending', snapshotIds: ['snap-live'], tags: of(LIVE) },
  ],
  snapshots: [
    { id: 'snap-finished', tags: of(DEAD) },
    { id: 'snap-pending', tags: of(DEAD) },
    { id: 'snap-orphan', tags: of(DEAD) },
    { id: 'snap-live', tags: of(LIVE) },
  ],
  clusters: [{ id: 'arn:cluster/dead', tags: of(DEAD) }],
  taskDefinitions: [{ id: 'arn:task-definition/dead:1', tags: of(DEAD) }],
};

describe('selectLeftovers', () => {
  test('takes what dead runs left, users before what they use', () => {
    expect(selectLeftovers(inventory, stateOf).map(({ kind, id }) => `${kind} ${id}`)).toEqual([
      'instance i-dead',
      'cluster arn:cluster/dead',
      'task definition arn:task-definition/dead:1',
      'security group sg-dead',
      'key pair key-dead',
      'volume vol-dead',
      'image ami-pending',
      'image ami-untagged',
      'snapshot snap-pending',
      'snapshot snap-untagged',
      'snapshot snap-orphan',
    ]);
  });

  test('never takes a finished image or its snapshot, even of a dead run', () => {
    const ids = selectLeftovers(inventory, () => 'dead').map(({ id }) => id);
    expect(ids).not.toContain('ami-finished');
    expect(ids).not.toContain('snap-finished');
  });

  test('leaves an image of a slow layer that is finished, though nobody judges it', () => {
    const layer = (id: string, state: string) => ({
      ...{ id, state, snapshotIds: [`snap-${id}`] },
      tags: of(DEAD, { 'ecs-host:layer': 'd' }),
    });
    const images = [layer('ami-done', 'available'), layer('ami-begun', 'pending')];
    const ids = selectLeftovers({ ...emptyInventory, images }, () => 'dead').map(({ id }) => id);
    expect(ids).toEqual(['ami-begun', 'snap-ami-begun']);
  });

  test('leaves a copy that a release has under way, though the run of its bake is over', () => {
    const tags = of(DEAD, { 'ecs-host:verdict': 'not-run', 'ecs-host:release': 'ami-1-nightly' });
    const copies: Inventory = {
      ...emptyInventory,
      images: [{ id: 'ami-copy', state: 'pending', snapshotIds: ['snap-copy'], tags }],
      snapshots: [{ id: 'snap-copy', tags }],
    };
    expect(selectLeftovers(copies, () => 'dead')).toEqual([]);
  });

  const devHost = (more: Record<string, string> = {}): Record<string, string> =>
    of(DEAD, { 'ecs-host:kind': 'dev-host', ...more });
  const ready = { 'ecs-host:ready': '2026-11-26T12:00:00Z' };
  const besideInstance = (state: string, tags: Record<string, string>, finished: readonly string[] = []): string[] => {
    const mine = { id: 'i-dev', state, tags };
    const group = { id: 'sg-dev', name: 'dev', tags: devHost() };
    const volume = { id: 'vol-dev', tags: devHost() };
    const instances = state === 'terminated' ? [] : [mine];
    const dev: Inventory = { ...emptyInventory, instances, securityGroups: [group], volumes: [volume] };
    return selectLeftovers(dev, () => 'dead', new Set(finished)).map(({ id }) => id);
  };

  test.for(['pending', 'running', 'stopping', 'stopped'])(
    'leaves a dev host that is %s, and all that is its',
    (state) => {
      expect(besideInstance(state, devHost(ready))).toEqual([]);
    },
  );

  test('takes a dev host that never was ready, and what a destroyed one left', () => {
    expect(besideInstance('running', devHost())).toEqual(['i-dev', 'sg-dev', 'vol-dev']);
    expect(besideInstance('terminated', devHost(ready))).toEqual(['sg-dev', 'vol-dev']);
    expect(besideInstance('shutting-down', devHost(ready))).toEqual(['i-dev', 'sg-dev', 'vol-dev']);
  });

  test('leaves a dev host that is known to be ready, though the API does not show it yet', () => {
    expect(besideInstance('running', devHost(), ['i-dev'])).toEqual([]);
  });

  test('does not take for a dev host what only carries its last tag', () => {
    expect(besideInstance('running', of(DEAD, ready))).toContain('i-dev');
  });

  test('takes nothing of runs that are alive or unknown, and nothing without a run id', () => {
    expect(selectLeftovers(inventory, () => 'alive')).toEqual([]);
    expect(selectLeftovers(inventory, () => 'unknown')).toEqual([]);
    expect(selectLeftovers(emptyInventory, () => 'dead')).toEqual([]);
  });
});

describe('runState', () => {
  const self = 'me@here';
  const now = Date.UTC(2026, 10, 23, 12);
  const owner = { runId: DEAD } as OwnerFile;
  const mine = of(DEAD, { 'ecs-host:owner': self });

  test('an owner file decides by whether its process lives', () => {
    expect(runState(DEAD, mine, { owner, alive: true, self, now })).toBe('alive');
    expect(runState(DEAD, mine, { owner, alive: false, self, now })).toBe('dead');
  });

  test('what a person wants to look at is kept, and dead only for whoever asks', () => {
    const kept = { ...owner, isKept: true };
    expect(runState(DEAD, mine, { owner: kept, alive: true, self, now })).toBe('alive');
    expect(runState(DEAD, mine, { owner: kept, alive: false, self, now })).toBe('kept');
  });

  test('without one, only an old run of our own is dead', () => {
    expect(runState(DEAD, mine, { owner: null, alive: false, self, now })).toBe('dead');
    expect(runState('r-20261123110000-young0', mine, { owner: null, alive: false, self, now })).toBe('unknown');
    expect(runState(DEAD, of(DEAD, { 'ecs-host:owner': 'you@there' }), { owner: null, alive: false, self, now })).toBe(
      'unknown',
    );
    expect(runState('made-by-hand', mine, { owner: null, alive: false, self, now })).toBe('unknown');
  });
});
