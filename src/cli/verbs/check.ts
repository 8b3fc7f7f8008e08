import { resolve } from 'node:path';
import { loadConfig } from '../../config/load.ts';
import { showProfile } from '../../config/show-profile.ts';
import { profileNamed } from '../../plan/resolve.ts';
import { printResult } from '../json.ts';
import { commonArguments } from '../session.ts';

/**
 * `ecs-host check`: hosts.yaml alone, or one profile of it with all that it has from others. It asks nobody and starts
 * nothing, so it needs neither credentials nor root.
 */
export async function check(argv: Record<string, unknown>): Promise<number> {
  const args = commonArguments(argv);
  const { config, warnings, origins } = await loadConfig(args.configFile);
  const file = resolve(args.configFile);
  const [profiles, regions] = [Object.keys(config.profiles), Object.keys(config.regions)];
  if (args.profile !== null) {
    const profile = profileNamed(config, args.profile, args.configFile);
    printResult(args.json, { ok: true, file, profile }, showProfile(args.profile, profile, origins));
    return 0;
  }
  const lines = warnings.flatMap(({ where, key, reason, code, hint }) => [
    `warning: ${where}: ${key}: ${reason} [${code}]`,
    `    hint: ${hint}`,
  ]);
  const count = warnings.length === 1 ? 'one warning' : `${warnings.length} warnings`;
  printResult(args.json, { ok: true, file, profiles, regions, warnings }, [
    ...lines,
    `${args.configFile} has no mistakes${warnings.length === 0 ? '' : `, and ${count}`}`,
    `profiles  ${profiles.join(', ')}`,
    `regions   ${regions.join(', ')}`,
  ]);
  return 0;
}
