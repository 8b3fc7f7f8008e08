import { resolve } from 'node:path';
import { loadConfig } from '../../config/load.ts';
import { printResult } from '../json.ts';
import { commonArguments } from '../session.ts';

/** `ecs-host check`: hosts.yaml alone. It asks nobody and starts nothing, so it needs neither credentials nor root. */
export async function check(argv: Record<string, unknown>): Promise<number> {
  const args = commonArguments(argv);
  const { config, warnings } = await loadConfig(args.configFile);
  const file = resolve(args.configFile);
  const [profiles, regions] = [Object.keys(config.profiles), Object.keys(config.regions)];
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
