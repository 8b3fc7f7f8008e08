import { copyFile, mkdir, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { HOST_FOLDER, onHost } from '#contracts/host-paths.ts';
import type { Concern, Context } from '../lib/context.ts';
import { sha256Of } from '../lib/download.ts';
import { putFile, readText } from '../lib/files.ts';

/** Of the carried programs, those that a variant's units and people run. */
function filesFor({ target }: Context, carried: readonly string[]): readonly string[] {
  const programs = carried.filter((name) =>
    target.variant === 'host' ? name !== 'ecs-host-dev.mjs' : name === 'node' || name === 'ecs-host-dev.mjs',
  );
  return [...programs.map((name) => `bin/${name}`), 'provisioners/main.mjs'];
}

/** A program that runs keeps its old file; whoever starts it next gets the new one. */
async function place(from: string, to: string): Promise<boolean> {
  const before = await stat(to).catch(() => null);
  if (before && before.size === (await stat(from)).size && (await sha256Of(from)) === (await sha256Of(to)))
    return false;
  const partial = `${to}.partial`;
  try {
    await copyFile(from, partial);
    await rename(partial, to);
  } finally {
    await rm(partial, { force: true });
  }
  return true;
}

/**
 * What stays on the machine of what the script carried: Node, programs, and the target, by which `main.mjs verify` can
 * look again. In a bake, Packer and tar do this.
 */
export function carry(folder: string): Concern {
  return {
    name: 'programs',
    apply: async (context) => {
      await context.step(`below ${HOST_FOLDER}`, {}, async () => {
        for (const name of ['bin', 'provisioners']) await mkdir(onHost(name), { recursive: true, mode: 0o755 });
        let isChanged = false;
        for (const path of filesFor(context, await readdir(`${folder}/bin`)))
          if (await place(`${folder}/${path}`, onHost(path))) isChanged = true;
        return isChanged;
      });
      await context.step('target.json', {}, async () => {
        const text = `${JSON.stringify(context.target, null, 2)}\n`;
        return (await readText(onHost('target.json'))) !== text && putFile(onHost('target.json'), text);
      });
    },
    verify: async ({ look, target }) => {
      await look({ id: 'programs.node', title: 'Node is the one that was carried', expected: 'the same' }, async () => {
        const same = (await readFile(`${folder}/bin/node`)).equals(await readFile(onHost('bin/node')));
        return { actual: same ? 'the same' : 'another', isCorrect: same && target.version === 1 };
      });
    },
  };
}
