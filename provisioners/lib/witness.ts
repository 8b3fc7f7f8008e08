import { rm } from 'node:fs/promises';
import { onHost } from '#contracts/host-paths.ts';
import type { TargetConfig } from '#contracts/target-config.ts';
import type { Carried, Context, Put } from './context.ts';
import { exists, modeOf, putFile, readText } from './files.ts';
import { carriedFile, putsFile } from './puts.ts';
import { ask, textOf, tool } from './tool.ts';

/** Carried with the bundle's other programs; see there for what it does. */
export const WITNESS = onHost('bin/ecs-host-witness');

/** Where a package puts runc: containerd.io (Docker CE) and the distributions' own. */
const RUNC = { 'docker-ce': '/usr/bin/runc', distribution: '/usr/sbin/runc' } as const;

function runcOf(source: TargetConfig['docker']['source']): string {
  return RUNC[source];
}

function besideWitness(runc: string): string {
  return `${runc}.distrib`;
}

async function isDiverted(runc: string): Promise<boolean> {
  return (await textOf`dpkg-divert --truename ${runc}`) === besideWitness(runc);
}

/** In systemd's own PATH they would be found by a shim or a runtime that looks for another than runc. */
const OTHER_RUNTIMES = ['crun', 'runsc', 'youki', 'kata-runtime', 'docker-runc'];

/**
 * Puts the witness where runc stands, for good: dpkg unpacks every later runc beside it. Done before the package comes,
 * so that no runc was ever there without it.
 */
export async function installWitness(source: TargetConfig['docker']['source']): Promise<boolean> {
  const runc = runcOf(source);
  const text = await readText(WITNESS);
  if (text === null) throw new Error(`${WITNESS} was not carried to this machine`);
  const wasThere = await isDiverted(runc);
  if (!wasThere) await tool`dpkg-divert --quiet --local --rename --divert ${besideWitness(runc)} --add ${runc}`;
  return (await putFile(runc, text, modeOf(true))) || !wasThere;
}

/** The witness, and the real one beside it. */
export function putsWitness(source: TargetConfig['docker']['source'], carried: Carried): readonly Put[] {
  const runc = runcOf(source);
  return [
    putsFile(runc, carriedFile(carried, WITNESS).content, modeOf(true)),
    { path: besideWitness(runc), kind: 'file', rule: 'package-file', expected: runc, by: 'dpkg' },
  ];
}

/** Every runc that a witness stands in front of. */
export async function divertedRuntimes(): Promise<readonly string[]> {
  const found = [];
  for (const runc of Object.values(RUNC)) if (await isDiverted(runc)) found.push(runc);
  return found;
}

/**
 * Puts the real runc back in its place. Ended in between it can be done again: the diversion, which is removed last,
 * says that it is not done. @returns whether there was a witness
 */
export async function removeWitness(): Promise<boolean> {
  const diverted = await divertedRuntimes();
  for (const runc of diverted) {
    // dpkg-divert moves the real one to a place that is free.
    await rm(runc, { force: true });
    await tool`dpkg-divert --quiet --local --rename --remove ${runc}`;
  }
  return diverted.length > 0;
}

export async function checkWitness(context: Context): Promise<void> {
  const runc = runcOf(context.target.docker.source);
  await context.look(
    {
      id: 'docker.witness',
      title: 'Every start of a container passes the witness',
      expected: `${runc} is the witness`,
    },
    async () => {
      const isWitness = (await readText(runc)) === (await readText(WITNESS)) && (await exists(besideWitness(runc)));
      const isFor = await isDiverted(runc);
      const found = (
        await ask`env PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin /bin/sh -c ${'command -v runc'}`
      ).stdout;
      const isCorrect = isWitness && isFor && found.trim() === runc;
      return {
        actual: isCorrect ? `${runc} is the witness` : `${found.trim() || 'none'} is found first`,
        isCorrect,
        ...(isFor ? {} : { reason: 'a package may replace it: dpkg does not divert it' }),
      };
    },
  );
  await context.look(
    { id: 'docker.no-other-runtime', title: 'No other low-level runtime is installed', expected: 'none' },
    async () => {
      const script = `command -v ${OTHER_RUNTIMES.join(' || command -v ')} || true`;
      const found = (await textOf`sh -c ${script}`).split('\n').filter(Boolean);
      return { actual: found.join(', ') || 'none', isCorrect: found.length === 0 };
    },
  );
}
