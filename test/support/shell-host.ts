/**
 * A host without a machine: commands run in a shell here, in a folder that is the login user's home, with a `docker`
 * that only remembers. So what is sent over ssh meets a real shell and real git.
 */

import { mkdir, writeFile } from 'node:fs/promises';
import { createServer, connect as dial } from 'node:net';
import { delimiter, join } from 'node:path';
import { execa } from 'execa';
import { onTestFinished } from 'vitest';
import type { OpenSsh } from '../../src/host-access/ssh.ts';
import type { Repository } from '../../src/workload/commands.ts';
import { fakeSsh } from '../smoke/fake-ssh.ts';
import { tempFolder } from './temp-folder.ts';

/** Running containers are files in `containers`, named by id, each with a name and its ports. */
const DOCKER = `#!/bin/sh
cd "$HOME/containers" || exit 1
echo "$*" >>"$HOME/docker.log"
case "$*" in
  *--quiet*) ls ;;
  ps*) for id in *; do [ -e "$id" ] && printf '%s\\t%s\\n' "$id" "$(cat "$id")"; done; true ;;
  "rm --force "*) rm "$3" ;;
esac
`;

export type ShellHost = {
  readonly ssh: OpenSsh;
  readonly home: string;
  /** What was asked of the host. */
  readonly commands: string[];
  /** Puts a container there that nobody here started. */
  run(id: string, name: string, ports: string): Promise<void>;
};

/** @param address where its ports are met; '' for a host that only ssh reaches */
export async function shellHost(address = ''): Promise<ShellHost> {
  const home = tempFolder();
  const bin = join(home, 'bin');
  const commands: string[] = [];
  await mkdir(bin);
  await mkdir(join(home, 'containers'));
  await writeFile(join(bin, 'docker'), DOCKER, { mode: 0o755 });
  const env = { HOME: home, PATH: `${bin}${delimiter}${process.env['PATH'] ?? ''}`, GIT_CONFIG_GLOBAL: '/dev/null' };
  const given = fakeSsh([]);
  const ssh: OpenSsh = {
    ...given,
    target: { ...given.target, address },
    run: async (command, { onLine, input, inputFile } = {}) => {
      commands.push(command);
      const {
        exitCode = 1,
        stdout,
        stderr,
      } = await execa('sh', ['-c', command], {
        ...{ cwd: home, env, reject: false, stripFinalNewline: false },
        ...(inputFile !== undefined ? { inputFile } : input !== undefined ? { input } : { stdin: 'ignore' as const }),
      });
      for (const line of `${stdout}${stderr}`.split('\n')) onLine?.(line);
      return { exitCode, stdout, stderr, durationMs: 1 };
    },
    forwardToThere: async (localPort, remotePort) => {
      const server = createServer((socket) => {
        const there = dial(remotePort, '127.0.0.1');
        socket.pipe(there).pipe(socket);
        socket.on('error', () => there.destroy());
        there.on('error', () => socket.destroy());
      });
      await new Promise<void>((resolve) => server.listen(localPort, '127.0.0.1', resolve));
      onTestFinished(() => void server.close());
    },
    handOver: () => Promise.reject(new Error('no terminal here')),
    remoteShell: [],
    destination: 'nobody@nowhere',
    ended: new Promise(() => undefined),
  };
  const run: ShellHost['run'] = (id, name, ports) => writeFile(join(home, 'containers', id), `${name}\t${ports}`);
  return { ssh, home, commands, run };
}

/**
 * The repository as `cloneCommand` takes it. Its scripts leave a mark; the last one "runs" a container on the ports,
 * whose key is the one that is given.
 */
export async function workloadRepository(
  ports: { readonly discoveryTcp: number; readonly streamTcp: number },
  key: Uint8Array,
): Promise<Repository> {
  const folder = join(tempFolder(), 'container-images');
  await mkdir(folder);
  const script = async (name: string, ...lines: readonly string[]): Promise<void> =>
    writeFile(join(folder, name), ['#!/bin/sh -e', ...lines, ''].join('\n'), { mode: 0o755 });
  await script('build_protocol.sh', 'echo "built the protocol" >>"$HOME/built"');
  await script('build_container_image.sh', 'echo "built $1" >>"$HOME/built"');
  await script(
    'run_container_image.sh',
    'test ! -e "$HOME/refuse" || { echo "no room" >&2; exit 3; }',
    'id=$(head -c 32 /dev/urandom | od -An -v -tx1 | tr -d " \\n")',
    `has() { printf '0.0.0.0:%d->%d/tcp' "$1" "$1"; }`,
    `ports="$(has ${ports.discoveryTcp}), $(has ${ports.streamTcp})"`,
    `printf 'base-%.8s\\t%s' "$id" "$ports" >"$HOME/containers/$id"`,
    `printf '${Array.from(key, (byte) => `\\${byte.toString(8).padStart(3, '0')}`).join('')}' >"$HOME/key"`,
    'echo "container: base"',
    'echo "key file: $HOME/key"',
  );
  const git = (...words: readonly string[]) =>
    execa('git', ['-c', 'user.name=a', '-c', 'user.email=a@b', ...words], { cwd: folder });
  await git('init', '--quiet', '--initial-branch=main');
  await git('add', '.');
  await git('commit', '--quiet', '--message=first');
  return { url: folder, ref: 'main', submoduleRefs: {}, credential: null };
}

/** For a repository that anybody may read. */
export const NO_SECRETS = {
  readSecret: (): Promise<string> => Promise.reject(new Error('nobody asked for a secret')),
};
