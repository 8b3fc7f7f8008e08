import { readPrerequisites } from '../../scripts/setup-lib/prerequisites.mjs';
import { probeVersion } from '../../scripts/setup-lib/probe.mjs';
import { versionFits } from '../../scripts/setup-lib/versions.mjs';
import { SESSION_MANAGER_PLUGIN } from '../host-access/needs.ts';
import type { Need } from '../io/programs.ts';
import { type Look, missing, ok, type Result } from './look.ts';

/** An older plugin takes a session's token from its command line only, where all users of a machine see it. */
async function judgePlugin(path: string, fix: string): Promise<Result> {
  const needed = readPrerequisites().sessionManagerPlugin;
  const version = await probeVersion([path, '--version']);
  if (versionFits(version, needed)) return ok(`${version}, ${path}`);
  return missing(`${path} is ${version ?? 'of an unknown version'}; needed is ${needed.min} or newer`, fix);
}

/** The programs of this machine that a run starts. */
export function programLooks(needs: readonly Need[]): readonly Look[] {
  const each = [...new Map(needs.map((need) => [need.name, need])).values()];
  return each.map((need) => ({
    name: `program ${need.name}`,
    needed: need.what,
    look: async () => {
      const path = await need.find();
      if (path === null) return missing('not found on this machine', need.fix);
      return need.name === SESSION_MANAGER_PLUGIN.name ? judgePlugin(path, need.fix) : ok(path);
    },
  }));
}
