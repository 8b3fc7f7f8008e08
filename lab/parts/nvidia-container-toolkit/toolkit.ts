import { mkdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from '../../exec.ts';
import { describePart, digestOfSources } from '../debian/describe.ts';
import { againstOldGlibc, oldGlibc, requireOldGlibc } from '../old-glibc/old-glibc.ts';
import { ensurePart, type Part } from '../part.ts';
import { findGo, goEnvironment } from './go.ts';
import { packAll } from './packages.ts';

const here = import.meta.dirname;
const MODULE = 'github.com/NVIDIA/nvidia-container-toolkit';
const PROGRAMS = ['nvidia-ctk', 'nvidia-cdi-hook', 'nvidia-container-runtime', 'nvidia-container-runtime-hook'];
const STAND_IN = 'nvidia-container-cli';

/** The functions of the driver's libraries are found when they are first called, if the machine has them. */
const LINKER = '-Wl,--export-dynamic -Wl,--unresolved-symbols=ignore-in-object-files -Wl,-z,lazy';

/** Pure: the toolkit that a go.mod pins, without its `v`. */
export function pinnedVersion(goMod: string): string {
  const version = /^\s*github\.com\/NVIDIA\/nvidia-container-toolkit v(\S+)/m.exec(goMod)?.[1];
  if (version === undefined) throw new Error(`go.mod does not pin ${MODULE}`);
  return version;
}

async function compile(
  go: string,
  env: Record<string, string>,
  programs: string,
  version: string,
  onProgress: (line: string) => void,
): Promise<void> {
  const ldflags = `-s -w '-extldflags=${LINKER}' -X ${MODULE}/internal/info.version=${version}`;
  const packages = [...PROGRAMS.map((name) => `${MODULE}/cmd/${name}`), `./${STAND_IN}`];
  await mkdir(programs, { recursive: true });
  await run(go, ['-C', here, 'build', '-v', '-trimpath', '-ldflags', ldflags, '-o', `${programs}/`, ...packages], {
    env,
    onLine: (line) => line.startsWith('go: downloading') && onProgress(line.slice('go: '.length)),
  });
  await requireOldGlibc([...PROGRAMS, STAND_IN].map((name) => join(programs, name)));
}

/**
 * NVIDIA's container toolkit as its four packages: its own programs, compiled from its own source by its own packaging,
 * and a stand-in for libnvidia-container, which is in no registry.
 */
export const nvidiaContainerToolkit: Part = {
  name: 'nvidia-container-toolkit',
  substitution: {
    component: 'nvidia-container-toolkit',
    source: "NVIDIA's source, compiled and packed by the lab; libnvidia-container is the lab's own",
    reason: "NVIDIA's repository of packages is not reachable from the lab",
  },
  digest: async () => digestOfSources([here], { glibc: await oldGlibc.digest() }),
  build: async ({ folder, cache, onProgress }) => {
    const root = await ensurePart(oldGlibc, cache, onProgress);
    const work = join(folder, 'work');
    const programs = join(work, 'programs');
    const env = goEnvironment(work, ['gcc', ...againstOldGlibc(root)]);
    const go = await findGo(work, cache, onProgress);
    const upstream = pinnedVersion(await readFile(join(here, 'go.mod'), 'utf8'));
    onProgress(`compiling nvidia-container-toolkit ${upstream}`);
    await compile(go, env, programs, upstream, onProgress);
    const module = (await run(go, ['-C', here, 'list', '-m', '-f', '{{.Dir}}', MODULE], { env })).trim();
    const version = `${upstream}-1`;
    const files = await packAll({ module, programs, version, out: folder });
    await rm(work, { recursive: true });
    await describePart(folder, { version, files });
  },
};
