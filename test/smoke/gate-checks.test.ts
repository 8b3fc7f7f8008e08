import { describe, expect, test } from 'vitest';
import type { HostState } from '#contracts/host-service.ts';
import { CheckBook } from '../../src/smoke/checks/check-book.ts';
import { CHECKS } from '../../src/smoke/checks/check-definitions.ts';
import { checkBeforeHandshake, judgeOrder, openGate } from '../../src/smoke/checks/gate-checks.ts';
import { describeUnits, GATED_UNITS, parseUnits, readUnits } from '../../src/smoke/remote-facts.ts';
import type { SmokeWebserver } from '../../src/smoke/webserver.ts';
import { fakeSsh, showUnits } from './fake-ssh.ts';

function state(handshake: number, events: number | null): HostState {
  return {
    version: 1,
    phase: 'serving',
    status: 'serving',
    gate: 'open',
    instanceId: 'i-1',
    reachedAtUs: { handshake },
    eventsSubscribedAtUs: events,
    handshakeAttempts: 1,
    containersSeen: 0,
    isRebalanceRecommended: false,
  };
}
function unit(from: number, to: number, activeState = 'active') {
  return {
    activeState,
    unitFileState: 'disabled',
    inactiveExitAtUs: from,
    activeEnterAtUs: to,
  };
}
function units(docker: [number, number], ecs: [number, number], socket: [number, number] = docker) {
  return {
    'docker.service': unit(...docker),
    'docker.socket': unit(...socket),
    'containerd.service': unit(...docker),
    'ecs.service': unit(...ecs),
  };
}

describe('judgeOrder', () => {
  test('holds when each came after the one before', () => {
    const finding = judgeOrder(state(1_000_000, 3_000_000), units([1_500_000, 2_500_000], [3_100_000, 3_200_000]));
    expect(finding).toEqual({
      actual:
        'handshake 1.000 s, docker starting 1.500 s, docker up 2.500 s, ' +
        'events 3.000 s, agent starting 3.100 s, agent up 3.200 s',
      isCorrect: true,
    });
  });

  test.each([
    ['the agent before the events', state(1, 40), units([10, 20], [30, 35])],
    ['events before Docker was up', state(1, 15), units([10, 20], [30, 35])],
    ['Docker before the handshake', state(11, 25), units([10, 20], [30, 35])],
    ['the socket before the handshake', state(5, 25), units([10, 20], [30, 35], [1, 2])],
    ['events never confirmed', state(1, null), units([10, 20], [30, 35])],
    ['the agent never started', state(1, 25), units([10, 20], [0, 0])],
  ])('does not hold: %s', (_, hostState, facts) => {
    expect(judgeOrder(hostState, facts).isCorrect).toBe(false);
  });
});

test('parseUnits reads the blocks of systemctl show', async () => {
  const text = showUnits({
    'docker.service': 'active',
    'docker.socket': 'inactive',
    'containerd.service': 'inactive',
    'ecs.service': 'activating',
  });
  expect([...parseUnits(text).keys()]).toEqual([...GATED_UNITS]);
  const facts = await readUnits(fakeSsh([[/^systemctl show/, { stdout: text }]]));
  expect(describeUnits(facts)).toBe('docker.service active, ecs.service activating');
});

test.each([
  ['failed', 'rejects', 'The ECS agent of i-fake gave up before it registered'],
  // Between two tries of an agent that is not final.
  ['activating', 'waits', 'the host service of i-fake to serve'],
])('openGate with an agent that is %s %s', async (agent, _, said) => {
  const shown = showUnits({ ...Object.fromEntries(GATED_UNITS.map((id) => [id, 'active'])), 'ecs.service': agent });
  const ssh = fakeSsh([
    [/^systemctl show/, { stdout: shown }],
    [/state\.json/, { stdout: JSON.stringify({ ...state(1, 2), phase: 'agent' }) }],
  ]);
  const decided: string[] = [];
  const webserver = { decide: (_id: string, what: string) => decided.push(what) } as unknown as SmokeWebserver;
  const opening = openGate(ssh, webserver, { isRetriedNow: false, serveMs: 100, signal: new AbortController().signal });
  await expect(opening).rejects.toThrow(said);
  expect(decided).toEqual(['grant']);
});

test.each([
  ['failed', 'rejects', 'Docker of i-fake does not come up'],
  ['activating', 'waits', 'the host service of i-fake to serve'],
])('openGate with a Docker that is %s %s', async (docker, _, said) => {
  const shown = showUnits({
    ...Object.fromEntries(GATED_UNITS.map((id) => [id, 'inactive'])),
    'docker.service': docker,
  });
  const ssh = fakeSsh([
    [/^systemctl show/, { stdout: shown }],
    [/journalctl --unit docker/, { stdout: 'failed to load listeners\n' }],
    [/state\.json/, { stdout: JSON.stringify({ ...state(1, 2), phase: 'docker' }) }],
  ]);
  const webserver = { decide: () => {} } as unknown as SmokeWebserver;
  const options = { isRetriedNow: false, serveMs: 100, dockerFailsMs: 0, signal: new AbortController().signal };
  await expect(openGate(ssh, webserver, options)).rejects.toThrow(said);
});

describe('checkBeforeHandshake', () => {
  const down = showUnits(Object.fromEntries(GATED_UNITS.map((unit) => [unit, 'inactive'])));
  const refused = { exitCode: 1, stderr: 'Assertion failed on job for docker.service.\n' };
  const book = () =>
    new CheckBook({
      definitions: CHECKS,
      selected: new Set(['gate']),
      signal: new AbortController().signal,
      onCheck: () => {},
    });
  const incorrect = (b: ReturnType<typeof book>): string[] =>
    b
      .finish()
      .filter(({ verdict }) => verdict === 'incorrect')
      .map(({ id }) => id);

  test('a shut gate is correct in every check', async () => {
    const b = book();
    await checkBeforeHandshake(
      fakeSsh([
        [/^systemctl show/, { stdout: down }],
        [/^sudo timeout/, refused],
      ]),
      b,
    );
    expect(incorrect(b)).toEqual([]);
    expect(b.finish().find(({ id }) => id === 'gate.start-ecs-refused')).toMatchObject({
      actual: 'refused, all four units inactive',
      verdict: 'correct',
    });
  });

  test('an enabled docker.socket is named', async () => {
    const b = book();
    const text = down.replace(
      'Id=docker.socket\nActiveState=inactive\nUnitFileState=disabled',
      'Id=docker.socket\nActiveState=active\nUnitFileState=enabled',
    );
    await checkBeforeHandshake(
      fakeSsh([
        [/^systemctl show/, { stdout: text }],
        [/^sudo timeout/, refused],
      ]),
      b,
    );
    expect(incorrect(b)).toEqual(
      expect.arrayContaining(['gate.docker-socket-inactive', 'gate.docker-socket-disabled']),
    );
  });

  test('a command that is accepted is incorrect even when nothing comes up', async () => {
    const b = book();
    await checkBeforeHandshake(
      fakeSsh([
        [/^systemctl show/, { stdout: down }],
        [/systemctl start ecs$/, { exitCode: 0 }],
        [/^sudo timeout/, refused],
      ]),
      b,
    );
    expect(incorrect(b)).toEqual(['gate.start-ecs-refused']);
  });
});
