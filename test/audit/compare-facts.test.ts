import { describe, expect, test } from 'vitest';
import { CONTROL_PORT } from '#contracts/control-port.ts';
import type { ProvisionedEntry } from '#contracts/provisioned.ts';
import type { Listening, Settings, Socket } from '../../src/audit/booted-facts.ts';
import {
  dockerDifferences,
  environmentDifferences,
  socketDifferences,
  sshdDifferences,
  unitDifferences,
} from '../../src/audit/compare-facts.ts';
import { plan } from './image.ts';

const PLAN = plan();
const TUNNEL = 8443;

function facts(more: Partial<Settings & Listening> = {}): Settings & Listening {
  return { sshd: [], sockets: [], enabled: [], commandLine: '', environment: [], docker: null, ...more };
}

describe('sshd', () => {
  const base = facts({ sshd: ['permitrootlogin no', 'port 22'] });

  test('is as on the base image, in whatever order', () => {
    expect(sshdDifferences(facts({ sshd: ['port 22', 'permitrootlogin no'] }), base)).toEqual([]);
  });

  test('has every setting told that is another', () => {
    const image = facts({ sshd: ['permitrootlogin yes', 'port 22', 'port 2222'] });
    expect(sshdDifferences(image, base)).toEqual([
      'now permitrootlogin yes',
      'now port 2222',
      'no more permitrootlogin no',
    ]);
  });
});

function socket(address: string, port: number, programs: readonly string[] = ['x'], protocol = 'tcp'): Socket {
  return { protocol, address, port, programs };
}

describe('sockets', () => {
  const base = facts({
    sockets: [
      socket('0.0.0.0', 22, ['sshd']),
      socket('127.0.0.53', 53, ['systemd-resolve'], 'udp'),
      socket('::1', 323, ['chronyd'], 'udp'),
    ],
  });

  function differences(isOpen: boolean, ...sockets: readonly Socket[]): readonly string[] {
    return socketDifferences(facts({ sockets }), base, { plan: PLAN, ownTunnel: TUNNEL, isOpen });
  }
  const { discoveryTcp, streamTcp, streamUdp } = PLAN.developerWorkload.ports;

  test('are those of the base image', () => {
    for (const isOpen of [false, true]) expect(differences(isOpen, ...base.sockets)).toEqual([]);
    expect(differences(false)).toEqual([]);
  });

  test('may be at fewer addresses than on the base image, and not at more', () => {
    expect(differences(false, socket('127.0.0.1', 22, ['sshd']), socket('10.0.0.7', 22, ['sshd']))).toEqual([]);
    expect(differences(false, socket('0.0.0.0', 53, ['systemd-resolve'], 'udp'))).toEqual([
      'udp 0.0.0.0:53 (systemd-resolve)',
    ]);
    expect(differences(false, socket('::', 323, ['chronyd'], 'udp'))).toEqual(['udp :::323 (chronyd)']);
    expect(differences(false, socket('::1', 53, ['systemd-resolve'], 'udp'))).toEqual([]);
  });

  test('are of the base image’s program', () => {
    expect(differences(false, socket('0.0.0.0', 22, ['evil']))).toEqual(['tcp 0.0.0.0:22 (evil)']);
    expect(differences(false, socket('0.0.0.0', 22, ['sshd', 'evil']))).toEqual(['tcp 0.0.0.0:22 (sshd, evil)']);
  });

  test('of another protocol are others', () => {
    expect(differences(false, socket('0.0.0.0', 22, [], 'udp'))).toEqual(['udp 0.0.0.0:22 (the kernel)']);
  });

  test('are the host service’s, always', () => {
    expect(differences(false, socket('*', CONTROL_PORT, ['node']))).toEqual([]);
    expect(differences(true, socket('*', CONTROL_PORT, ['MainThread']))).toEqual([]);
    expect(differences(false, socket('*', CONTROL_PORT, ['node'], 'udp'))).toHaveLength(1);
  });

  test('are the smoke test’s own way, from the machine itself', () => {
    expect(differences(false, socket('127.0.0.1', TUNNEL, ['sshd']), socket('::1', TUNNEL, ['sshd-session']))).toEqual(
      [],
    );
    expect(differences(false, socket('0.0.0.0', TUNNEL, ['sshd']))).toHaveLength(1);
    expect(differences(false, socket('127.0.0.1', TUNNEL, ['evil']))).toHaveLength(1);
    expect(differences(false, socket('127.0.0.1', TUNNEL, ['sshd', 'evil']))).toHaveLength(1);
    expect(differences(false, socket('127.0.0.1', TUNNEL, []))).toHaveLength(1);
  });

  test('are the agent’s and the containers’ when the gate is open', () => {
    const agent = [51678, 51679, 51680].map((port) => socket('*', port, ['agent']));
    const proxies = [discoveryTcp, streamTcp].map((port) => socket('0.0.0.0', port, ['docker-proxy']));
    const udp = socket('0.0.0.0', streamUdp, ['docker-proxy'], 'udp');
    expect(differences(true, ...agent, ...proxies, udp)).toEqual([]);
    expect(differences(false, ...agent, ...proxies, udp)).toHaveLength(6);
    expect(differences(true, socket('127.0.0.1', 34567, ['containerd']))).toEqual([]);
  });

  test.each([
    ['a program at a port of the containers', socket('0.0.0.0', discoveryTcp, ['evil'])],
    ['a program beside the proxy', socket('0.0.0.0', discoveryTcp, ['docker-proxy', 'evil'])],
    ['the kernel at a port of the containers', socket('0.0.0.0', discoveryTcp, [])],
    ['the proxy at another port', socket('0.0.0.0', 8080, ['docker-proxy'])],
    ['the proxy of another protocol', socket('0.0.0.0', discoveryTcp, ['docker-proxy'], 'udp')],
    ['containerd for everybody', socket('0.0.0.0', 34567, ['containerd'])],
    ['a program with containerd', socket('127.0.0.1', 34567, ['containerd', 'evil'])],
    ['an address that only looks like the machine’s own', socket('1127.0.0.1', 34567, ['containerd'])],
  ])('are none else when the gate is open: %s', (_what, each) => {
    expect(differences(true, each)).toHaveLength(1);
  });
});

describe('units', () => {
  const base = facts({
    enabled: ['ssh.service', 'apt-daily.timer', 'apt-daily-upgrade.timer', 'unattended-upgrades.service'],
  });
  const provisioned: readonly ProvisionedEntry[] = [
    { provisioner: 'a', path: '/etc/systemd/system/multi-user.target.wants/ours.service', kind: 'link', target: '/x' },
    { provisioner: 'a', path: '/etc/systemd/system/x.service.requires/needed.service', kind: 'link', target: '/x' },
    { provisioner: 'a', path: '/etc/systemd/system/linked.service', kind: 'link', target: '/x' },
    { provisioner: 'a', path: '/etc/systemd/system/masked.service', kind: 'link', target: '/dev/null' },
    { provisioner: 'a', path: '/etc/systemd/system/file.wants/file.service', kind: 'file' },
  ];
  const of = (...enabled: readonly string[]): readonly string[] =>
    unitDifferences(facts({ enabled }), base, provisioned);

  test('are the base image’s, and those that provisioners enable or take', () => {
    expect(of(...base.enabled)).toEqual([]);
    expect(of('ssh.service', 'ours.service', 'needed.service')).toEqual([]);
  });

  test('of somebody else are told', () => {
    expect(of('ssh.service', 'evil.service', 'linked.service', 'file.service', 'ours.service.evil')).toEqual([
      'evil.service is enabled',
      'linked.service is enabled',
      'file.service is enabled',
      'ours.service.evil is enabled',
    ]);
  });

  test('that are gone are told, unless they are masked', () => {
    expect(of()).toEqual(['ssh.service is not enabled any more']);
    expect(unitDifferences(facts(), facts({ enabled: ['masked.service'] }), provisioned)).toEqual([]);
  });
});

describe('the environment', () => {
  const base = facts({ environment: ['PATH=/usr/bin', 'LANG=C.UTF-8'], commandLine: 'root=/dev/xvda1 ro' });

  test('is the base image’s', () => {
    expect(environmentDifferences(base, base)).toEqual([]);
    expect(environmentDifferences({ ...base, environment: ['LANG=C.UTF-8', 'PATH=/usr/bin'] }, base)).toEqual([]);
  });

  test('has no variable more, or with another value, and none is told by its value', () => {
    const environment = ['PATH=/tmp:/usr/bin', 'LANG=C.UTF-8', 'SECRET=a=b'];
    expect(environmentDifferences({ ...base, environment }, base)).toEqual(['variable PATH', 'variable SECRET']);
  });

  test('has the same command line of the kernel', () => {
    expect(environmentDifferences({ ...base, commandLine: 'root=/dev/xvda1 ro init=/bin/sh' }, base)).toEqual([
      'kernel command line root=/dev/xvda1 ro init=/bin/sh',
    ]);
  });
});

describe('Docker', () => {
  const right = {
    DefaultRuntime: 'runc',
    Runtimes: { runc: { path: 'runc' }, 'io.containerd.runc.v2': { path: 'runc' } },
    LiveRestoreEnabled: false,
    SecurityOptions: ['name=apparmor', 'name=seccomp,profile=builtin'],
    Swarm: { LocalNodeState: 'inactive' },
    RegistryConfig: {
      InsecureRegistryCIDRs: ['127.0.0.0/8', '::1/128'],
      IndexConfigs: {
        'docker.io': { Secure: true },
        ...Object.fromEntries(PLAN.target.docker.insecureRegistries.map((name) => [name, { Secure: false }])),
      },
      Mirrors: [],
    },
  };
  const ARGUMENTS = '/usr/sbin/dockerd -H fd:// --containerd=/run/containerd/containerd.sock';

  function of(more: object, started = ARGUMENTS): readonly string[] {
    return dockerDifferences(facts({ docker: { info: { ...right, ...more }, arguments: started } }), PLAN);
  }
  const registry = (more: object): object => ({ RegistryConfig: { ...right.RegistryConfig, ...more } });

  test('is as planned', () => {
    expect(of({})).toEqual([]);
    expect(of(registry({ Mirrors: null }))).toEqual([]);
    expect(of({ Swarm: undefined })).toEqual([]);
  });

  test('is up', () => {
    expect(dockerDifferences(facts(), PLAN)).toEqual(['Docker is not up']);
  });

  test.each([
    ['default runtime "evil" for "runc"', { DefaultRuntime: 'evil' }],
    ['runtimes ["evil"] for []', { Runtimes: { ...right.Runtimes, evil: {} } }],
    ['runtimes ["nvidia"] for []', { Runtimes: { nvidia: {} } }],
    ['live restore true for false', { LiveRestoreEnabled: true }],
    ['insecure networks ["10.0.0.0/8"] for []', registry({ InsecureRegistryCIDRs: ['127.0.0.0/8', '10.0.0.0/8'] })],
    ['insecure registries [] for ["lab.internal:5000"]', registry({ IndexConfigs: {} })],
    ['mirrors ["https://evil.example/"] for []', registry({ Mirrors: ['https://evil.example/'] })],
    ['swarm "active" for "inactive"', { Swarm: { LocalNodeState: 'active' } }],
    ['user namespaces true for false', { SecurityOptions: ['name=seccomp', 'name=userns'] }],
    ['seccomp false for true', { SecurityOptions: [] }],
  ])('is not otherwise: %s', (text, more) => {
    expect(of(more)).toEqual([text]);
  });

  test('has no registry more that is insecure', () => {
    const IndexConfigs = { ...right.RegistryConfig.IndexConfigs, 'evil.example': { Secure: false } };
    expect(of(registry({ IndexConfigs }))).toEqual([
      'insecure registries ["evil.example","lab.internal:5000"] for ["lab.internal:5000"]',
    ]);
  });

  test('is confined by seccomp', () => {
    expect(of({ SecurityOptions: ['name=seccomp,profile=unconfined'] })).not.toEqual([]);
  });

  test('has the runtime of NVIDIA with a GPU, and only then', () => {
    const docker = { info: { ...right, Runtimes: { ...right.Runtimes, nvidia: {} } }, arguments: ARGUMENTS };
    expect(dockerDifferences(facts({ docker }), { ...PLAN, gpu: true })).toEqual([]);
    expect(dockerDifferences(facts({ docker: { ...docker, info: right } }), { ...PLAN, gpu: true })).toEqual([
      'runtimes [] for ["nvidia"]',
    ]);
  });

  test.each([
    '-H tcp://0.0.0.0:2375',
    '-H=tcp://0.0.0.0:2375',
    '-Htcp://0.0.0.0:2375',
    '--host tcp://0.0.0.0:2375',
    '--host=tcp://0.0.0.0:2375',
    '-D -H tcp://0.0.0.0:2375',
    '-DHtcp://0.0.0.0:2375',
  ])('listens at no address: %s', (argument) => {
    expect(of({}, `${ARGUMENTS} ${argument}`)).not.toEqual([]);
  });

  test.each([
    '--config-file=/tmp/daemon.json',
    '--iptables=false',
    '--userland-proxy-path=/tmp/x',
    '--authorization-plugin=x',
  ])('is started with no %s, which no file says', (argument) => {
    expect(of({}, `${ARGUMENTS} ${argument}`)).not.toEqual([]);
  });
});
