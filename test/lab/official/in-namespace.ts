import { createHash } from 'node:crypto';
/**
 * Runs as the only program of a network namespace, with mounts of its own: a machine to which the official hosts' names
 * lead to the lab's door. Fetches what provisioners fetch, with their own functions and the real apt, curl and gpg, and
 * prints for each scenario what came of it. `in-namespace.ts CACHE`
 */
import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { createServer as createNetServer } from 'node:net';
import { join } from 'node:path';
import { execa } from 'execa';
import { reasonOf } from '../../../contracts/reason.ts';
import { ensureArchiveKey } from '../../../lab/official/archive-key.ts';
import { ensureAuthority } from '../../../lab/official/authority.ts';
import { standInDoor } from '../../../lab/official/door.ts';
import { answerSources } from '../../../lab/official/sources.ts';
import { addRepository } from '../../../provisioners/concerns/packages.ts';
import { APT_OPTIONS } from '../../../provisioners/lib/apt.ts';
import type { Repository } from '../../../provisioners/lib/context.ts';
import { download, requireSha256 } from '../../../provisioners/lib/download.ts';
import { requireSignature } from '../../../provisioners/lib/gpg.ts';
import { textOf, tool } from '../../../provisioners/lib/tool.ts';
import { fetchNode } from '../../../src/audit/interpreter.ts';
import { makeDebian, makeOfficial } from './official-lab.ts';

const cache = process.argv[2] ?? '';
const DEBIAN_PORT = 8000;
const NAMES = [
  'download.docker.com',
  'nvidia.github.io',
  'download.nvidia.com',
  's3.us-east-1.amazonaws.com',
  'awscli.amazonaws.com',
  'nodejs.org',
  'us-west-2.ec2.archive.ubuntu.com',
  'security.ubuntu.com',
];

/** What is written goes to memory; nothing of this machine changes. */
async function ownMounts(certificate: string): Promise<void> {
  const over = join(cache, 'over');
  await execa('mkdir', ['-p', over]);
  await execa('mount', ['-t', 'tmpfs', 'tmpfs', over]);
  for (const path of ['/etc', '/usr', '/var']) {
    const name = path.slice(1);
    await execa('mkdir', ['-p', `${over}/${name}.upper`, `${over}/${name}.work`]);
    const options = `lowerdir=${path},upperdir=${over}/${name}.upper,workdir=${over}/${name}.work`;
    await execa('mount', ['-t', 'overlay', 'overlay', '-o', options, path]);
  }
  await execa('mount', ['-t', 'tmpfs', 'tmpfs', '/run']);
  // Bound from elsewhere where this is a container, and then not part of what lies over it.
  for (const path of ['/etc/hosts', '/etc/resolv.conf']) await execa('umount', [path], { reject: false });
  await writeFile('/etc/hosts', NAMES.map((name) => `127.0.0.1 ${name}\n`).join(''));
  await writeFile('/etc/ssl/certs/ca-certificates.crt', certificate);
  for (const path of ['/etc/apt/apt.conf', '/etc/apt/sources.list']) await rm(path, { force: true });
  for (const folder of ['apt.conf.d', 'sources.list.d', 'keyrings'])
    for (const name of await readdir(`/etc/apt/${folder}`)) await rm(`/etc/apt/${folder}/${name}`, { recursive: true });
}

const authority = await ensureAuthority(cache);
await ownMounts(authority.certificatePem);
await execa('ip', ['link', 'set', 'lo', 'up']);
const archive = createServer((request, response) => {
  void readFile(join(cache, 'of-debian', request.url ?? '')).then(
    (bytes) => response.end(bytes),
    () => response.writeHead(404).end(),
  );
});
const keyring = await makeDebian(join(cache, 'of-debian'));
const debian = { keyring, url: `http://127.0.0.1:${DEBIAN_PORT}` };
const { official, parts, key, said } = makeOfficial({ cache, debian });
const door = standInDoor({ official, authority, guests: [], log: (line) => said.push(line) });
const web = createServer((request, response) => {
  if (!door.onRequest(request, response)) response.writeHead(404).end();
});
await Promise.all([
  new Promise<void>((resolve) => archive.listen(DEBIAN_PORT, '127.0.0.1', resolve)),
  new Promise<void>((resolve) => web.listen(80, '127.0.0.1', resolve)),
  new Promise<void>((resolve) => createNetServer(door.onConnection).listen(443, '127.0.0.1', resolve)),
]);

const query = new URLSearchParams({ codename: 'focal', driver: '580.178.04' });
for (const each of ['docker', 'nvidia', 'ecs-agent', 'aws-cli']) query.append('component', each);

async function trust() {
  const sources = await answerSources({ mode: async () => 'stand-in', parts, key, official }, query);
  if (sources.mode !== 'stand-in') throw new Error(sources.mode);
  return sources.trust;
}

/** What the concerns name, with the lab's fingerprints. */
async function repositories(): Promise<{ readonly docker: Repository; readonly toolkit: Repository }> {
  const { docker, nvidiaContainerToolkit } = await trust();
  const [dockerKey, toolkitKey] = ['/etc/apt/keyrings/docker.asc', '/etc/apt/keyrings/toolkit.asc'];
  return {
    docker: {
      name: 'Docker',
      keyUrl: 'https://download.docker.com/linux/ubuntu/gpg',
      fingerprint: docker?.fingerprint ?? '',
      keyFile: dockerKey,
      sourceList: '/etc/apt/sources.list.d/docker.list',
      source: `deb [arch=amd64 signed-by=${dockerKey}] https://download.docker.com/linux/ubuntu focal stable\n`,
    },
    toolkit: {
      name: 'toolkit',
      keyUrl: 'https://nvidia.github.io/libnvidia-container/gpgkey',
      fingerprint: nvidiaContainerToolkit?.fingerprint ?? '',
      keyFile: toolkitKey,
      sourceList: '/etc/apt/sources.list.d/toolkit.list',
      source: `deb [signed-by=${toolkitKey}] https://nvidia.github.io/libnvidia-container/stable/deb/amd64 /\n`,
    },
  };
}

async function forget(): Promise<void> {
  for (const folder of ['keyrings', 'sources.list.d'])
    for (const name of await readdir(`/etc/apt/${folder}`)) await rm(`/etc/apt/${folder}/${name}`);
  await rm('/var/lib/apt/lists', { recursive: true, force: true });
  await execa('apt-get', ['clean']);
}

/** As aptUpdate and aptInstall, but that what failed is not asked again. */
async function install(names: readonly string[]): Promise<string> {
  const once = APT_OPTIONS.filter((option) => !option.includes('Retries'));
  await tool`apt-get ${once} --error-on=any update`;
  await tool`apt-get ${once} --reinstall install ${names}`;
  return textOf`cat ${names.map((name) => `/usr/share/lab-test/${name}`)}`;
}

async function fetchedNode(content: string): Promise<string> {
  const sha256 = createHash('sha256').update(content).digest('hex');
  await execa('sh', ['-c', fetchNode({ version: '24.0.1', sha256 }, '/run/node')]);
  return readFile('/run/node', 'utf8');
}

const SCENARIOS: Readonly<Record<string, () => Promise<string>>> = {
  docker: async () => {
    await addRepository((await repositories()).docker);
    return install(['docker-ce', 'containerd.io']);
  },
  toolkit: async () => {
    await addRepository((await repositories()).toolkit);
    return install(['nvidia-container-toolkit']);
  },
  ubuntu: async () => {
    const keyFile = '/etc/apt/keyrings/ubuntu.asc';
    await writeFile(keyFile, (await ensureArchiveKey(cache)).publicKey);
    const line = (host: string, suite: string): string =>
      `deb [signed-by=${keyFile}] http://${host}/ubuntu ${suite} main universe\n`;
    const [regional, security] = ['us-west-2.ec2.archive.ubuntu.com', 'security.ubuntu.com'];
    const lines = [line(regional, 'focal'), line(regional, 'focal-updates'), line(security, 'focal-security')];
    await writeFile('/etc/apt/sources.list.d/ubuntu.list', lines.join(''));
    return install(['linux-headers-5.15.0-1084-aws', 'docker.io']);
  },
  driver: async () => {
    const { nvidiaDriver } = await trust();
    const file = '/run/nvidia.run';
    await download(
      'https://download.nvidia.com/XFree86/Linux-x86_64/580.178.04/NVIDIA-Linux-x86_64-580.178.04.run',
      file,
    );
    await requireSha256(file, nvidiaDriver?.sha256 ?? '');
    return readFile(file, 'utf8');
  },
  agent: async () => {
    const { ecsAgent } = await trust();
    const bucket = 'https://s3.us-east-1.amazonaws.com/amazon-ecs-agent-us-east-1';
    const file = '/run/agent.deb';
    await download(`${bucket}/amazon-ecs-init-1.108.0-1.amd64.deb`, file);
    await download(`${bucket}/amazon-ecs-init-1.108.0-1.amd64.deb.asc`, `${file}.asc`);
    if (ecsAgent === null) throw new Error('no key');
    await requireSignature({ file, signature: `${file}.asc`, pinned: ecsAgent });
    return readFile(file, 'utf8');
  },
  cli: async () => {
    const { awsCli } = await trust();
    const url = 'https://awscli.amazonaws.com/awscli-exe-linux-x86_64-2.31.0.zip';
    const file = '/run/cli.zip';
    await download(url, file);
    await download(`${url}.sig`, `${file}.sig`);
    if (awsCli === null) throw new Error('no key');
    await requireSignature({ file, signature: `${file}.sig`, pinned: awsCli });
    return readFile(file, 'utf8');
  },
  node: () => fetchedNode('a node\n'),
  'another node': () => fetchedNode('the node\n'),
  'another host of TLS': async () => {
    await writeFile('/etc/hosts', '127.0.0.1 example.com\n');
    await download('https://example.com/', '/run/example');
    return readFile('/run/example', 'utf8');
  },
};

const PLAN: readonly (readonly [scenario: string, host: string, fault: string | null])[] = [
  ...['docker', 'toolkit', 'ubuntu', 'driver', 'agent', 'cli', 'node'].map((name) => [name, '', null] as const),
  ['docker', 'download.docker.com', 'wrong-signature'],
  ['docker', 'download.docker.com', 'wrong-checksum'],
  ['docker', 'download.docker.com', 'expired-key'],
  ['docker', 'download.docker.com', 'missing'],
  ['toolkit', 'nvidia.github.io', 'expired-key'],
  ['ubuntu', 'security.ubuntu.com', 'wrong-signature'],
  ['ubuntu', 'archive.ubuntu.com', 'wrong-checksum'],
  ['driver', 'download.nvidia.com', 'wrong-checksum'],
  ['driver', 'download.nvidia.com', 'missing'],
  ['agent', 's3.us-east-1.amazonaws.com', 'wrong-signature'],
  ['agent', 's3.us-east-1.amazonaws.com', 'expired-key'],
  ['cli', 'awscli.amazonaws.com', 'wrong-checksum'],
  ['cli', 'awscli.amazonaws.com', 'missing'],
  ['node', 'nodejs.org', 'wrong-checksum'],
  ['node', 'nodejs.org', 'missing'],
  ['another node', '', null],
  ['another host of TLS', '', null],
];

for (const [scenario, host, fault] of PLAN) {
  await forget();
  official.clearFaults();
  if (fault !== null) official.addFault({ host, fault });
  const outcome = await SCENARIOS[scenario]?.().then(
    (result) => ({ result }),
    (error: unknown) => ({
      error: reasonOf(error),
    }),
  );
  process.stdout.write(`${JSON.stringify({ scenario, fault, ...outcome })}\n`);
}
process.exit(0);
