import { readdir, readFile, stat, statfs } from 'node:fs/promises';
import { connect } from 'node:net';
import type { SetupPart } from '#contracts/setup-script.ts';
import type { TargetConfig } from '#contracts/target-config.ts';
import { exists, readText } from '../lib/files.ts';
import { osReleaseValue } from '../lib/os-release.ts';
import { ask } from '../lib/tool.ts';
import { aptProxies, aptUrls, type Endpoint, endpointsOf, fetchedUrls } from './sources.ts';

const GIB = 1024 ** 3;
const MIB = 1024 ** 2;
const CONNECT_LIMIT_MS = 5000;

/** What the machine is and has. */
export type MachineFacts = {
  readonly osRelease: string;
  readonly isSystemd: boolean;
  readonly isLocked: boolean;
  readonly disks: readonly { readonly path: string; readonly freeBytes: number }[];
  readonly hasDocker: boolean;
  readonly hasDriver: boolean;
  readonly hasSwap: boolean;
  readonly unreachable: readonly { readonly host: string; readonly reason: string }[];
};

/** Pure: what has to be free for what is not there yet. */
export function neededBytes(target: TargetConfig, parts: readonly SetupPart[], facts: MachineFacts): number {
  const wants = (part: SetupPart): boolean => parts.includes(part);
  return (
    256 * MIB +
    (wants('docker') && !facts.hasDocker ? GIB : 0) +
    (wants('nvidia') && !facts.hasDriver ? 4 * GIB : 0) +
    (wants('limits') && !facts.hasSwap ? target.swapMiB * MIB : 0)
  );
}

function capital(name: string): string {
  return `${name.charAt(0).toUpperCase()}${name.slice(1)}`;
}

/** Pure: everything that is in the way, each in a sentence. */
export function problemsOf(target: TargetConfig, parts: readonly SetupPart[], facts: MachineFacts): readonly string[] {
  const { distribution, codename } = target.os;
  const is = (name: string): string => osReleaseValue(facts.osRelease, name) ?? 'unknown';
  const problems: string[] = [];
  if (is('ID') !== distribution || is('VERSION_CODENAME') !== codename)
    problems.push(`this is ${is('PRETTY_NAME')}, and the script is for ${capital(distribution)} ${codename}`);
  if (!facts.isSystemd) problems.push('systemd does not run here, and what is set up are its services');
  if (facts.isLocked) problems.push('another run of this or a like script is under way');
  const needed = neededBytes(target, parts, facts);
  for (const { path, freeBytes } of facts.disks) {
    if (freeBytes < needed)
      problems.push(
        `${path} has ${Math.floor(freeBytes / MIB)} MiB free, and ${Math.ceil(needed / MIB)} MiB are needed`,
      );
  }
  for (const { host, reason } of facts.unreachable)
    problems.push(`${host}, from which something is fetched, cannot be reached: ${reason}`);
  return problems;
}

function reach({ host, port }: Endpoint): Promise<string | null> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, timeout: CONNECT_LIMIT_MS });
    const end = (reason: string | null): void => {
      socket.destroy();
      resolve(reason);
    };
    socket.on('connect', () => end(null));
    socket.on('timeout', () => end(`no answer at port ${port} in ${CONNECT_LIMIT_MS / 1000} s`));
    socket.on('error', (error: NodeJS.ErrnoException) => end(error.code ?? error.message));
  });
}

async function aptSources(): Promise<string> {
  const folder = '/etc/apt/sources.list.d';
  const names = (await readdir(folder).catch(() => [])).filter((name) => /\.(list|sources)$/.test(name));
  const texts = await Promise.all(['/etc/apt/sources.list', ...names.map((name) => `${folder}/${name}`)].map(readText));
  return texts.join('\n');
}

async function unreachable(target: TargetConfig, parts: readonly SetupPart[]): Promise<MachineFacts['unreachable']> {
  const proxies = aptProxies((await ask`apt-config dump`).stdout);
  const urls = [...(proxies.length > 0 ? proxies : aptUrls(await aptSources())), ...fetchedUrls(target, parts)];
  const asked = await Promise.all(
    endpointsOf(urls).map(async (endpoint) => ({ host: endpoint.host, reason: await reach(endpoint) })),
  );
  return asked.flatMap(({ host, reason }) => (reason === null ? [] : [{ host, reason }]));
}

/** Free space of `/`, and of what is a disk of its own below it. */
async function disks(): Promise<MachineFacts['disks']> {
  const found = new Map<number, { path: string; freeBytes: number }>();
  for (const path of ['/', '/opt', '/var', '/var/lib/docker']) {
    const info = await stat(path).catch(() => null);
    if (info === null || found.has(info.dev)) continue;
    const { bavail, bsize } = await statfs(path);
    found.set(info.dev, { path, freeBytes: bavail * bsize });
  }
  return [...found.values()];
}

export async function lookAtMachine(
  target: TargetConfig,
  parts: readonly SetupPart[],
  isLocked: boolean,
): Promise<MachineFacts> {
  return {
    osRelease: await readFile('/etc/os-release', 'utf8').catch(() => ''),
    isSystemd: await exists('/run/systemd/system'),
    isLocked,
    disks: await disks(),
    hasDocker: await exists('/usr/bin/dockerd').then(async (is) => is || exists('/usr/sbin/dockerd')),
    hasDriver: await exists('/usr/bin/nvidia-smi'),
    hasSwap: target.swapMiB === 0 || (await exists('/swapfile')),
    unreachable: await unreachable(target, parts),
  };
}
