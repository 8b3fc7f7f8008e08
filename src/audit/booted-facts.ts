import type { Ssh } from '../host-access/ssh.ts';

export type Socket = {
  readonly protocol: string;
  readonly address: string;
  readonly port: number;
  /** Names of the programs that have it. */
  readonly programs: readonly string[];
};

/** What a booted machine says is in force on it, whatever runs at the moment. */
export type Settings = {
  /** `sshd -T`, a line each. */
  readonly sshd: readonly string[];
  /** Units that something enables. */
  readonly enabled: readonly string[];
  readonly commandLine: string;
  /** What a shell of root's that one logs in by sets, and systemd for its services. */
  readonly environment: readonly string[];
};

/** What waits for others on a booted machine at the moment. */
export type Listening = {
  readonly sockets: readonly Socket[];
  /** `docker info` and what the daemon was started with; null while Docker is down. */
  readonly docker: { readonly info: Readonly<Record<string, unknown>>; readonly arguments: string } | null;
};

const READ_SETTINGS = [
  'sshd -T 2>/dev/null | sort; next',
  // By itself, not by process 1, which would answer nobody else for a second or two.
  `systemctl --root=/ list-unit-files --no-legend --no-pager --state=enabled | awk '{ print $1 }'; next`,
  'cat /proc/cmdline; next',
  `env -i HOME=/root TERM=dumb /bin/bash -lc env | grep -v '^\\(PWD\\|OLDPWD\\|SHLVL\\|_\\)='; systemctl show-environment`,
];
const READ_LISTENING = [
  'ss -Hlntup; next',
  `if systemctl is-active --quiet docker.service; then docker info --format '{{json .}}'; next; tr '\\0' ' ' </proc/"$(systemctl show --property=MainPID --value docker.service)"/cmdline; fi`,
];

/** A shell line that asks all of it as root; `next` goes between answers. */
function asRoot(questions: readonly string[]): string {
  const first = ['export LC_ALL=C PATH=/usr/sbin:/usr/bin:/sbin:/bin', `next() { printf '\\001'; }`];
  const script = [...first, ...questions].join('\n');
  return `sudo sh -c '${script.replaceAll(`'`, `'\\''`)}'`;
}

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

function dockerOf(info: string | undefined, started: string | undefined): Listening['docker'] {
  if (info === undefined || info.trim() === '') return null;
  return { info: JSON.parse(info) as Record<string, unknown>, arguments: (started ?? '').trim() };
}

/** Pure: what the shell line for the settings printed. */
export function parseSettings(text: string): Settings {
  const [sshd, enabled, commandLine = '', environment] = text.split('\u0001');
  return {
    sshd: lines(sshd),
    enabled: [...lines(enabled)].sort(),
    commandLine: commandLine.trim(),
    environment: [...lines(environment)].sort(),
  };
}

/** Pure: what the shell line for what listens printed. */
export function parseListening(text: string): Listening {
  const [sockets, info, started] = text.split('\u0001');
  return { sockets: lines(sockets).map(socketOf), docker: dockerOf(info, started) };
}

/** On a busy machine systemd may be too late with an answer to one of the questions: then all are asked again. */
const TRIES = 3;

type Question<Facts> = {
  readonly script: readonly string[];
  readonly parse: (text: string) => Facts;
  /** Whether each question got an answer. */
  readonly isWhole: (facts: Facts) => boolean;
};

async function read<Facts>(ssh: Ssh, question: Question<Facts>, tries = TRIES): Promise<Facts> {
  const { exitCode, stdout, stderr } = await ssh.run(asRoot(question.script));
  const facts = question.parse(stdout);
  if (question.isWhole(facts)) return facts;
  if (tries > 1) return read(ssh, question, tries - 1);
  throw new Error(`exit code ${exitCode}: ${stderr.trim().split('\n').at(-1) ?? 'nothing was said'}`);
}

/** @throws Error when one of the questions got no answer */
export function readSettings(ssh: Ssh): Promise<Settings> {
  return read(ssh, {
    script: READ_SETTINGS,
    parse: parseSettings,
    isWhole: ({ sshd, enabled, environment, commandLine }) =>
      commandLine !== '' && [sshd, enabled, environment].every((each) => each.length > 0),
  });
}

/** @throws Error when nothing listens: the machine was reached over ssh */
export function readListening(ssh: Ssh): Promise<Listening> {
  return read(ssh, {
    script: READ_LISTENING,
    parse: parseListening,
    isWhole: ({ sockets }) => sockets.length > 0,
  });
}
