import type { Ssh } from '../host-access/ssh.ts';

export type Socket = {
  readonly protocol: string;
  readonly address: string;
  readonly port: number;
  /** Names of the programs that have it. */
  readonly programs: readonly string[];
};

/** What a booted machine says is in force on it. */
export type BootedFacts = {
  /** `sshd -T`, a line each. */
  readonly sshd: readonly string[];
  readonly sockets: readonly Socket[];
  /** Units that something enables. */
  readonly enabled: readonly string[];
  readonly commandLine: string;
  /** What a shell of root's that one logs in by sets, and systemd for its services. */
  readonly environment: readonly string[];
  /** `docker info` and what the daemon was started with; null while Docker is down. */
  readonly docker: { readonly info: Readonly<Record<string, unknown>>; readonly arguments: string } | null;
};

const READ = [
  'export LC_ALL=C PATH=/usr/sbin:/usr/bin:/sbin:/bin',
  `next() { printf '\\001'; }`,
  'sshd -T 2>/dev/null | sort; next',
  'ss -Hlntup; next',
  `systemctl list-unit-files --no-legend --no-pager --state=enabled | awk '{ print $1 }'; next`,
  'cat /proc/cmdline; next',
  `env -i HOME=/root TERM=dumb /bin/bash -lc env | grep -v '^\\(PWD\\|OLDPWD\\|SHLVL\\|_\\)='; systemctl show-environment; next`,
  `if systemctl is-active --quiet docker.service; then docker info --format '{{json .}}'; next; tr '\\0' ' ' </proc/"$(systemctl show --property=MainPID --value docker.service)"/cmdline; fi`,
].join('\n');

/** A shell line for it; it changes nothing. */
const READ_FACTS = `sudo sh -c '${READ.replaceAll(`'`, `'\\''`)}'`;
const TIMEOUT_MS = 60_000;

function lines(text = ''): readonly string[] {
  return text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
}

/** Pure: a line of `ss -Hlntup`. */
function socketOf(line: string): Socket {
  const [protocol = '', , , , local = ''] = line.split(/\s+/);
  const found = /^(.*):(\d+)$/.exec(local);
  if (found?.[1] === undefined) throw new Error(`ss printed a line that is no socket: ${line}`);
  const programs = [...new Set([...line.matchAll(/\("([^"]+)",pid=/g)].map(([, name = '']) => name))];
  return { protocol, address: found[1].replaceAll(/[[\]]|%[^\]]+/g, ''), port: Number(found[2]), programs };
}

function dockerOf(info: string | undefined, started: string | undefined): BootedFacts['docker'] {
  if (info === undefined || info.trim() === '') return null;
  return { info: JSON.parse(info) as Record<string, unknown>, arguments: (started ?? '').trim() };
}

/** Pure: what the shell line printed. */
export function parseFacts(text: string): BootedFacts {
  const [sshd, sockets, enabled, commandLine = '', environment, info, started] = text.split('\u0001');
  return {
    sshd: lines(sshd),
    sockets: lines(sockets).map(socketOf),
    enabled: [...lines(enabled)].sort(),
    commandLine: commandLine.trim(),
    environment: [...lines(environment)].sort(),
    docker: dockerOf(info, started),
  };
}

/** On a busy machine systemd may be too late with an answer to one of the questions: then all are asked again. */
const TRIES = 3;

/** @throws Error when one of the questions got no answer */
export async function readFacts(ssh: Ssh, tries = TRIES): Promise<BootedFacts> {
  const { exitCode, stdout, stderr } = await ssh.run(READ_FACTS, { timeoutMs: TIMEOUT_MS });
  const facts = parseFacts(stdout);
  const { sshd, sockets, enabled, environment, commandLine } = facts;
  if (commandLine !== '' && [sshd, sockets, enabled, environment].every((each) => each.length > 0)) return facts;
  if (tries > 1) return readFacts(ssh, tries - 1);
  throw new Error(`exit code ${exitCode}: ${stderr.trim().split('\n').at(-1) ?? 'nothing was said'}`);
}
