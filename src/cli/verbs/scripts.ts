import { join, resolve } from 'node:path';
import { loadConfig } from '../../config/load.ts';
import { bundleFolder } from '../../io/paths.ts';
import { profileNamed } from '../../plan/resolve.ts';
import { writeScripts } from '../../setup-scripts/write-scripts.ts';
import { type Argv, quietly, textOf } from '../arguments.ts';
import { printResult } from '../json.ts';
import { commonArguments, withSession } from '../session.ts';

/** `ecs-host scripts`: set-up of a machine that one already has, as single files. */
export async function scripts(argv: Argv): Promise<number> {
  const args = commonArguments(argv);
  const { config, file } = await loadConfig(args.configFile);
  const profiles =
    args.profile === null ? config.profiles : { [args.profile]: profileNamed(config, args.profile, file) };
  const out = resolve(textOf(argv, 'out') ?? join('out', 'scripts'));
  const written = await withSession(quietly(argv), (session) =>
    session.span('scripts', () => writeScripts({ profiles, configFile: file, work: bundleFolder(session.runId), out })),
  );
  printResult(
    args.json,
    { type: 'scripts', folder: out, scripts: written },
    written.map(({ file: path, profile, bytes }) => `${path}  (${profile}, ${Math.ceil(bytes / 1e6)} MB)`),
  );
  return 0;
}
