import { describe, expect, test } from 'vitest';
import { parseFacts, readFacts, type Socket } from '../../src/audit/booted-facts.ts';
import type { Ssh } from '../../src/host-access/ssh.ts';

const SSHD = 'tcp LISTEN 0 128 0.0.0.0:22 0.0.0.0:* users:(("sshd",pid=611,fd=3))';

/** What the shell line prints of these parts. */
function said(
  parts: Partial<Record<'sshd' | 'ss' | 'units' | 'kernel' | 'environment' | 'docker', string>> = {},
): string {
  const { sshd = 'port 22', ss = SSHD, units = '', kernel = 'root=/dev/xvda1', environment = '', docker = '' } = parts;
  return `${[sshd, ss, units, kernel, environment].map((part) => `${part}\n`).join('\u0001')}\u0001${docker}`;
}

function sockets(...lines: readonly string[]): readonly Socket[] {
  return parseFacts(said({ ss: lines.join('\n') })).sockets;
}

describe('sockets', () => {
  test.each([
    [
      'tcp   LISTEN 0      128          0.0.0.0:22        0.0.0.0:*    users:(("sshd",pid=611,fd=3))',
      { protocol: 'tcp', address: '0.0.0.0', port: 22, programs: ['sshd'] },
    ],
    [
      'tcp   LISTEN 0      128             [::]:22           [::]:*    users:(("sshd",pid=611,fd=4))',
      { protocol: 'tcp', address: '::', port: 22, programs: ['sshd'] },
    ],
    [
      'tcp   LISTEN 0      4096               *:4678            *:*    users:(("node",pid=9,fd=21))',
      { protocol: 'tcp', address: '*', port: 4678, programs: ['node'] },
    ],
    [
      'udp   UNCONN 0      0      127.0.0.53%lo:53        0.0.0.0:*    users:(("systemd-resolve",pid=3,fd=13))',
      { protocol: 'udp', address: '127.0.0.53', port: 53, programs: ['systemd-resolve'] },
    ],
    [
      'udp   UNCONN 0      0      [fe80::1%ens5]:546         [::]:*    users:(("systemd-network",pid=3,fd=18))',
      { protocol: 'udp', address: 'fe80::1', port: 546, programs: ['systemd-network'] },
    ],
    [
      'udp   UNCONN 0      0      [fe80::42%br-0a1b]:546     [::]:*    users:(("systemd-network",pid=3,fd=19))',
      { protocol: 'udp', address: 'fe80::42', port: 546, programs: ['systemd-network'] },
    ],
    [
      'udp   UNCONN 0      0              [::1]:323          [::]:*    users:(("chronyd",pid=5,fd=6))',
      { protocol: 'udp', address: '::1', port: 323, programs: ['chronyd'] },
    ],
    [
      'tcp LISTEN 0 4096 0.0.0.0:80 0.0.0.0:* users:(("b a",pid=1,fd=3),("a",pid=2,fd=3),("b a",pid=3,fd=3))',
      { protocol: 'tcp', address: '0.0.0.0', port: 80, programs: ['b a', 'a'] },
    ],
    [
      'udp   UNCONN 0      0          0.0.0.0:111       0.0.0.0:*',
      { protocol: 'udp', address: '0.0.0.0', port: 111, programs: [] },
    ],
  ])('%#', (line, socket) => {
    expect(sockets(line)).toEqual([socket]);
  });

  test('are each of its own line', () => {
    expect(sockets('tcp LISTEN 0 1 0.0.0.0:1 0.0.0.0:*', '', 'tcp LISTEN 0 1 0.0.0.0:2 0.0.0.0:*')).toHaveLength(2);
  });

  test('that cannot be read are not left out', () => {
    expect(() => sockets('tcp LISTEN 0 1 0.0.0.0:http 0.0.0.0:*')).toThrow();
  });
});

describe('the facts of a machine', () => {
  test('are what it said', () => {
    const facts = parseFacts(
      said({
        sshd: 'permitrootlogin no\nport 22',
        ss: '',
        units: 'b.service\na.service ',
        kernel: 'BOOT_IMAGE=/boot/x root=/dev/xvda1 ',
        environment: 'PATH=/usr/bin\nLANG=C',
        docker: '{"DefaultRuntime":"runc"}\n\u0001/usr/sbin/dockerd -H fd:// ',
      }),
    );
    expect(facts).toEqual({
      sshd: ['permitrootlogin no', 'port 22'],
      sockets: [],
      enabled: ['a.service', 'b.service'],
      commandLine: 'BOOT_IMAGE=/boot/x root=/dev/xvda1',
      environment: ['LANG=C', 'PATH=/usr/bin'],
      docker: { info: { DefaultRuntime: 'runc' }, arguments: '/usr/sbin/dockerd -H fd://' },
    });
  });

  test('have no Docker where it is down', () => {
    expect(parseFacts(said()).docker).toBeNull();
    expect(parseFacts(said({ docker: '\n' })).docker).toBeNull();
  });

  test('of nothing are empty', () => {
    expect(parseFacts('')).toEqual({
      sshd: [],
      sockets: [],
      enabled: [],
      commandLine: '',
      environment: [],
      docker: null,
    });
  });
});

describe('a machine', () => {
  function machine(stdout: string, more: { exitCode?: number; stderr?: string } = {}): Ssh {
    return { run: async () => ({ exitCode: 0, stderr: '', stdout, ...more }) } as unknown as Ssh;
  }

  test('is asked', async () => {
    const all = said({ units: 'ssh.service', environment: 'HOME=/root' });
    expect((await readFacts(machine(all))).commandLine).toBe('root=/dev/xvda1');
  });

  test.each([
    ['that said nothing', '', { exitCode: 255, stderr: 'x\nno route\n' }, 'exit code 255: no route'],
    ['whose sshd said nothing', said({ sshd: '' }), {}, 'exit code 0'],
    ['whose kernel said nothing', said({ kernel: '' }), {}, 'exit code 0'],
  ])('%s is an error', async (_what, stdout, more, text) => {
    await expect(readFacts(machine(stdout, more))).rejects.toThrow(text);
  });

  test('that listens nowhere was not asked well: it was reached over ssh', async () => {
    await expect(readFacts(machine(said({ ss: '' })))).rejects.toThrow();
  });
});
