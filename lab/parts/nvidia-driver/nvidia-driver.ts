import { createHash } from 'node:crypto';
import { chmod, cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { run } from '../../exec.ts';
import { describePart, digestOfSources } from '../debian/describe.ts';
import { ensurePart, type Part } from '../part.ts';

export type DriverSpec = {
  /** `580.178.04` */
  readonly version: string;
  /** `grid` is the driver that AWS gives to its instances for workstations. */
  readonly kind: 'data-center' | 'grid';
  /** The part with libraries and programs of this version. */
  readonly userland: Part;
};

/** What the userland's part.json says of each file and link: where it goes on a machine. */
type Userland = {
  readonly files: readonly { readonly name: string; readonly mode: string; readonly target: string }[];
  readonly links: readonly { readonly path: string; readonly to: string }[];
};

const here = import.meta.dirname;
/** Since R515 a package has both kinds of kernel modules, each in its folder. */
const FIRST_WITH_OPEN = 515;
const MODULE_TYPES = [
  { folder: 'kernel', license: 'NVIDIA', since: 0 },
  { folder: 'kernel-open', license: 'Dual MIT/GPL', since: FIRST_WITH_OPEN },
] as const;

function branchOf(version: string): number {
  return Number(version.split('.')[0]);
}

/** Pure: the name that the real package has where it is downloaded. */
export function runFileName({ version, kind }: Pick<DriverSpec, 'version' | 'kind'>): string {
  return `NVIDIA-Linux-x86_64-${labelOf({ version, kind })}.run`;
}

function labelOf({ version, kind }: Pick<DriverSpec, 'version' | 'kind'>): string {
  return kind === 'grid' ? `${version}-grid-aws` : version;
}

/** Pure: of the table of options (name, short form, kind, first branch, use) those that a branch has. */
export function optionsOf(table: string, branch: number): string {
  return table
    .split('\n')
    .map((line) => line.split(' '))
    .filter(([, , , since]) => since !== undefined && Number(since) <= branch)
    .map(([name, short, kind, , use]) => `${name} ${short} ${kind} ${use}\n`)
    .join('');
}

/** The folder that the package unpacks: installer, modules' sources, and the userland with a list of where it goes. */
async function layOut({ version, kind }: DriverSpec, userland: string, folder: string): Promise<void> {
  const branch = branchOf(version);
  await cp(join(here, 'installer'), folder, { recursive: true });
  await rm(join(folder, 'stub.sh'));
  await writeFile(join(folder, 'options'), optionsOf(await readFile(join(here, 'installer/options'), 'utf8'), branch));
  await writeFile(join(folder, 'version'), `${version}\n`);
  await writeFile(join(folder, 'kind'), `${kind}\n`);
  for (const type of MODULE_TYPES.filter(({ since }) => branch >= since)) {
    await cp(join(here, 'modules'), join(folder, type.folder), { recursive: true });
    const facts = `#define NV_VERSION_STRING "${version}"\n#define NV_LICENSE "${type.license}"\n`;
    await writeFile(join(folder, type.folder, 'facts.h'), facts);
  }
  const { files, links } = JSON.parse(await readFile(join(userland, 'part.json'), 'utf8')) as Userland;
  for (const { name } of files) {
    await mkdir(dirname(join(folder, 'userland', name)), { recursive: true });
    await cp(join(userland, name), join(folder, 'userland', name));
  }
  await writeFile(join(folder, 'files'), files.map(({ mode, name, target }) => `${mode} ${name} ${target}\n`).join(''));
  await writeFile(join(folder, 'links'), links.map(({ path, to }) => `${path} ${to}\n`).join(''));
}

/** The same bytes for the same folder, whenever and by whomever. */
async function archive(parent: string, name: string): Promise<Buffer> {
  const tar = join(parent, 'payload.tar');
  await run('chmod', ['-R', 'u=rwX,go=rX', join(parent, name)]);
  await run('tar', [
    '--sort=name',
    '--mtime=@0',
    '--owner=0',
    '--group=0',
    '--numeric-owner',
    '--format=gnu',
    '--directory',
    parent,
    '--create',
    '--file',
    tar,
    name,
  ]);
  await run('gzip', ['--no-name', '-9', tar]);
  return readFile(`${tar}.gz`);
}

/** Script and archive in one file. */
async function runFile(spec: DriverSpec, payload: Buffer): Promise<Buffer> {
  const template = await readFile(join(here, 'installer/stub.sh'), 'utf8');
  const stub = template
    .replaceAll('@LABEL@', labelOf(spec))
    .replaceAll('@VERSION@', spec.version)
    .replaceAll('@LINES@', String(template.split('\n').length - 1))
    .replaceAll('@SHA256@', createHash('sha256').update(payload).digest('hex'));
  return Buffer.concat([Buffer.from(stub), payload]);
}

/**
 * NVIDIA's package for a version, with an installer of the lab's: a file that is run. README.md is its spec; its sha256
 * is the same for the same userland.
 */
export function nvidiaDriver(spec: DriverSpec): Part {
  const label = labelOf(spec);
  return {
    name: `nvidia-driver-${label}`,
    substitution: {
      component: 'nvidia-driver',
      source: `a simulated NVIDIA driver ${label}`,
      reason: "the lab's machines have no GPU, and NVIDIA's downloads are not reachable from the lab",
    },
    digest: async () => digestOfSources([here], { label, userland: await spec.userland.digest() }),
    build: async ({ folder, cache, onProgress }) => {
      const userland = await ensurePart(spec.userland, cache, onProgress);
      const work = await mkdtemp(join(tmpdir(), 'ecs-lab-driver-'));
      try {
        onProgress(`packing NVIDIA driver ${label}`);
        const name = `NVIDIA-Linux-x86_64-${label}`;
        await layOut(spec, userland, join(work, name));
        const file = join(folder, runFileName(spec));
        await writeFile(file, await runFile(spec, await archive(work, name)));
        await chmod(file, 0o755);
        await describePart(folder, { version: spec.version, files: [runFileName(spec)] });
      } finally {
        await rm(work, { recursive: true, force: true });
      }
    },
  };
}
