import { describe, expect, test } from 'vitest';
import type { HostState } from '#contracts/host-service.ts';
import type { RemoteResult, Ssh } from '../../src/host-access/ssh.ts';
import type { BuildPlan } from '../../src/plan/build-plan.ts';
import { createContext } from '../../src/run/context.ts';
import { timeLimits } from '../../src/run/time-limits.ts';
import { CheckBook } from '../../src/smoke/checks/check-book.ts';
import { CHECKS, type Part } from '../../src/smoke/checks/check-definitions.ts';
import { compareInstances, proveFirst, proveSecond } from '../../src/smoke/proofs.ts';
import type { SmokeRun } from '../../src/smoke/steps.ts';
import type { Decision, SmokeWebserver } from '../../src/smoke/webserver.ts';
import { fakeClients, type Taught } from '../run/fake-clients.ts';
import { failedChecks } from '../support/failed-checks.ts';
import { fakeSsh, showUnit } from './fake-ssh.ts';

const plan = { profile: 'cpu-bookworm', gpu: false } as unknown as BuildPlan;

/** A host behind a gate, as far as the gate and the cluster part look at it. `leak` is how it is broken. */
function fakeHost(
  instanceId: string,
  leak: { readonly socketAlwaysUp?: boolean; readonly ignoresDenial?: boolean } = {},
) {
  let decision: Decision | null = null;
  let isOpen = false;
  let denials = 0;
  let isEnded = false;
  const commands: string[] = [];
  const ask = (): void => {
    if (decision === 'deny') denials += 1;
    isOpen = decision === 'grant' || (decision === 'deny' && leak.ignoresDenial === true);
  };
  const unit = (id: string, from: number): string => {
    const up = isOpen || (id === 'docker.socket' && leak.socketAlwaysUp === true);
    return up ? showUnit(id, 'active', [from, from + 1]) : showUnit(id, 'inactive', [0, 0]);
  };
  const state = (): HostState => ({
    version: 1,
    phase: isOpen ? 'serving' : decision === 'deny' ? 'denied' : 'handshake',
    status: '',
    gate: isOpen ? 'open' : 'shut',
    instanceId,
    reachedAtUs: { handshake: 100 },
    eventsSubscribedAtUs: isOpen ? 300 : null,
    handshakeAttempts: denials,
    containersSeen: 0,
    isRebalanceRecommended: false,
  });
  const answer = (command: string): Partial<RemoteResult> => {
    if (command.startsWith('cloud-init')) return { stdout: '\nstatus: done\n' };
    if (command.startsWith('systemctl is-active')) return { stdout: 'active\n' };
    if (command.startsWith('systemctl show'))
      return {
        stdout: [
          unit('docker.service', 200),
          unit('docker.socket', leak.socketAlwaysUp ? 10 : 190),
          unit('containerd.service', 195),
          unit('ecs.service', 400),
        ].join('\n'),
      };
    if (command.startsWith('cat /run/ecs-host/state.json')) return { stdout: JSON.stringify(state()) };
    if (command.includes('restart --no-block ecs-host')) {
      ask();
      return {};
    }
    if (command.includes('/starts/record')) return { stdout: '{"n":1,"id":"c0ffee"}\n' };
    if (command.startsWith('sudo timeout 20'))
      return { exitCode: isOpen ? 0 : 1, stderr: isOpen ? '' : 'Assertion failed' };
    throw new Error(`the fake host was not taught: ${command}`);
  };
  const untaught = fakeSsh([]);
  const ssh: Ssh = {
    ...untaught,
    target: { ...untaught.target, instanceId },
    run: async (command) => {
      commands.push(command);
      return { exitCode: 0, stdout: '', stderr: '', durationMs: 1, ...answer(command) };
    },
    forwardToHere: async () => ask(),
  };
  const webserver: SmokeWebserver = {
    port: 1,
    caPem: '',
    decide: (_, next) => {
      decision = next;
    },
    denials: () => denials,
    [Symbol.asyncDispose]: async () => {},
  };
  /** ECS's side of a task that is to run here. */
  const tasks: Taught = {
    DescribeServices: () => ({
      services: [{ events: [{ message: '(service s) was unable to place a task because no container instance ...' }] }],
    }),
    ListTasks: () => ({ taskArns: isOpen ? ['arn:task'] : [] }),
    DescribeTasks: () => ({
      tasks: [
        {
          taskArn: 'arn:task',
          containerInstanceArn: 'arn:1',
          lastStatus: isEnded ? 'STOPPED' : 'RUNNING',
          containers: [{ runtimeId: 'c0ffee', ...(isEnded ? { exitCode: 42 } : {}) }],
        },
      ],
    }),
  };
  const endTask = (): void => {
    isEnded = true;
  };
  return { ssh, webserver, commands, isOpen: () => isOpen, tasks, endTask };
}

function registered(isUp: () => boolean, arns: Readonly<Record<string, string>>): Taught {
  return {
    ListContainerInstances: () => ({ containerInstanceArns: isUp() ? Object.values(arns) : [] }),
    DescribeContainerInstances: () => ({
      containerInstances: Object.entries(arns).map(([ec2InstanceId, containerInstanceArn]) => ({
        ec2InstanceId,
        containerInstanceArn,
        status: 'ACTIVE',
        agentConnected: true,
      })),
    }),
  };
}

function runWith(host: ReturnType<typeof fakeHost>, parts: readonly Part[], taught: Taught): SmokeRun {
  const { signal } = new AbortController();
  return {
    plan,
    ctx: createContext({ runId: 'r', reporter: { emit: () => {}, close: async () => {} }, signal }),
    clients: fakeClients({ ...host.tasks, ...taught }).clients,
    book: new CheckBook({ definitions: CHECKS, selected: new Set(parts), signal, onCheck: () => {} }),
    webserver: host.webserver,
    cluster: 'c',
    reach: async () => host.ssh,
    limits: timeLimits('http://lab'),
    awaitTask: async () => ({
      clients: fakeClients(host.tasks).clients,
      cluster: 'c',
      service: 's',
      end: async () => host.endTask(),
    }),
    imageId: 'ami-0aa',
    seen: { inventory: null, settings: null, shut: null, open: null },
    brought: null,
  };
}
function failed({ book }: SmokeRun): string[] {
  return failedChecks(book.finish()).map(({ id, verdict }) => `${id} ${verdict}`);
}

describe('the first instance', () => {
  test('a good host is shut, denied, granted and registered', async () => {
    const host = fakeHost('i-1');
    const run = runWith(host, ['gate', 'cluster'], registered(host.isOpen, { 'i-1': 'arn:1' }));
    const registration = await proveFirst(run, 'i-1');
    expect(registration).toEqual({ arn: 'arn:1', status: 'ACTIVE', isAgentConnected: true, gpus: [] });
    // Nobody proved the second instance here.
    expect(failed(run)).toEqual(['cluster.second-registered missing', 'cluster.distinct missing']);
    expect(host.commands.filter((command) => command.includes('restart'))).toHaveLength(2);
  });

  test('a socket that is up from the start is found in every way in which it shows', async () => {
    const host = fakeHost('i-1', { socketAlwaysUp: true });
    const run = runWith(host, ['gate'], registered(host.isOpen, { 'i-1': 'arn:1' }));
    await proveFirst(run, 'i-1');
    expect(failed(run)).toEqual(
      expect.arrayContaining([
        'gate.docker-socket-inactive incorrect',
        'gate.docker-client-refused incorrect',
        'gate.order incorrect',
      ]),
    );
  });

  test('a host that takes no for a yes is found', async () => {
    const host = fakeHost('i-1', { ignoresDenial: true });
    const run = runWith(host, ['gate'], registered(host.isOpen, { 'i-1': 'arn:1' }));
    await proveFirst(run, 'i-1');
    expect(failed(run)).toEqual([
      'gate.denied-stays-shut incorrect',
      'gate.denied-not-registered incorrect',
      'tasks.denied-waits incorrect',
    ]);
  });

  test('an instance that ssh never reaches leaves everything missing, with the reason', async () => {
    const host = fakeHost('i-1');
    const run = { ...runWith(host, ['gate'], {}), reach: () => Promise.reject(new Error('no route')) };
    expect(await proveFirst(run, 'i-1')).toBeNull();
    const checks = run.book.finish().filter(({ verdict }) => verdict !== 'skipped');
    expect(checks.every(({ verdict }) => verdict === 'missing')).toBe(true);
    expect(checks.every(({ reason }) => reason?.includes('no route'))).toBe(true);
  });
});

describe('the second instance', () => {
  test('must be a container instance of its own', async () => {
    const host = fakeHost('i-2');
    const first = { arn: 'arn:1', status: 'ACTIVE', isAgentConnected: true, gpus: [] };
    const good = runWith(
      host,
      ['cluster'],
      registered(() => true, { 'i-1': 'arn:1', 'i-2': 'arn:2' }),
    );
    await compareInstances(good, [first, await proveSecond(good, 'i-2')]);
    expect(failed(good)).toEqual([
      'cluster.registered missing',
      'cluster.gpu-registered missing',
      ...['started', 'on-record', 'gpu', 'ended'].map((each) => `tasks.${each} missing`),
    ]);

    const same = runWith(
      fakeHost('i-2'),
      ['cluster'],
      registered(() => true, { 'i-2': 'arn:1' }),
    );
    await compareInstances(same, [first, await proveSecond(same, 'i-2')]);
    expect(failed(same)).toContain('cluster.distinct incorrect');
  });

  test('says so when there is no first to compare with', async () => {
    const run = runWith(
      fakeHost('i-2'),
      ['cluster'],
      registered(() => true, { 'i-2': 'arn:2' }),
    );
    await compareInstances(run, [null, await proveSecond(run, 'i-2')]);
    expect(run.book.finish().find(({ id }) => id === 'cluster.distinct')).toMatchObject({
      verdict: 'missing',
      reason: 'the first instance did not register',
    });
  });
});
