import { describe, expect, test } from 'vitest';
import {
  parseListening,
  parseSettings,
  readListening,
  readSettings,
  type Socket,
} from '../../src/audit/booted-facts.ts';
import type { Ssh } from '../../src/host-access/ssh.ts';

const SSHD = 'tcp LISTEN 0 128 0.0.0.0:22 0.0.0.0:* users:(("sshd",pid=611,fd=3))';

/** What the shell lines print of these parts. */
function saidOfSettings(parts: Partial<Record<'sshd' | 'units' | 'kernel' | 'environment', string>> = {}): string {
  const { sshd = 'port 22', units = 'ssh.service', kernel = 'root=/dev/xvda1', environment = 'HOME=/root' } = parts;
  return [sshd, units, kernel, environment].map((part) => `${part}\n`).join('\u0001');
}

function saidOfListening({ ss = SSHD, docker = '' }: { ss?: string; docker?: string } = {}): string {
  return `${ss}\n\u0001${docker}`;
}

function sockets(...lines: readonly string[]): readonly Socket[] {
  return parseListening(saidOfListening({ ss: lines.join('\n') })).sockets;
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

describe('what a machine said', () => {
  test('of its settings', () => {
    const settings = parseSettings(
      saidOfSettings({
        sshd: 'permitrootlogin no\nport 22',
        units: 'b.service\na.service ',
        kernel: 'BOOT_IMAGE=/boot/x root=/dev/xvda1 ',
        environment: 'PATH=/usr/bin\nLANG=C',
      }),
    );
    expect(settings).toEqual({
      sshd: ['permitrootlogin no', 'port 22'],
      enabled: ['a.service', 'b.service'],
      commandLine: 'BOOT_IMAGE=/boot/x root=/dev/xvda1',
      environment: ['LANG=C', 'PATH=/usr/bin'],
    });
  });

  test('of who listens, with Docker up and down', () => {
    const docker = '{"DefaultRuntime":"runc"}\n\u0001/usr/sbin/dockerd -H fd:// ';
    expect(parseListening(saidOfListening({ ss: '', docker }))).toEqual({
      sockets: [],
      docker: { info: { DefaultRuntime: 'runc' }, arguments: '/usr/sbin/dockerd -H fd://' },
    });
    expect(parseListening(saidOfListening()).docker).toBeNull();
    expect(parseListening(saidOfListening({ docker: '\n' })).docker).toBeNull();
  });

  test('is empty when it was nothing', () => {
    expect(parseSettings('')).toEqual({ sshd: [], enabled: [], commandLine: '', environment: [] });
    expect(parseListening('')).toEqual({ sockets: [], docker: null });
  });
});

describe('a machine', () => {
  function machine(stdout: string, more: { exitCode?: number; stderr?: string } = {}): Ssh {
    return { run: async () => ({ exitCode: 0, stderr: '', stdout, ...more }) } as unknown as Ssh;
  }

  test('is asked', async () => {
    expect((await readSettings(machine(saidOfSettings()))).commandLine).toBe('root=/dev/xvda1');
    expect((await readListening(machine(saidOfListening()))).sockets).toHaveLength(1);
  });

  test.each([
    ['that said nothing', '', { exitCode: 255, stderr: 'x\nno route\n' }, 'exit code 255: no route'],
    ['whose sshd said nothing', saidOfSettings({ sshd: '' }), {}, 'exit code 0'],
    ['that enables nothing', saidOfSettings({ units: '' }), {}, 'exit code 0'],
    ['whose kernel said nothing', saidOfSettings({ kernel: '' }), {}, 'exit code 0'],
  ])('%s is an error', async (_what, stdout, more, text) => {
    await expect(readSettings(machine(stdout, more))).rejects.toThrow(text);
  });

  test('that listens nowhere was not asked well: it was reached over ssh', async () => {
    await expect(readListening(machine(saidOfListening({ ss: '' })))).rejects.toThrow();
  });
});
