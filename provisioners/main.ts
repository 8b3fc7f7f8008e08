import { reasonOf } from '#contracts/reason.ts';
import { type Command, parseCommand } from './command.ts';
import { withPackages } from './concerns/packages.ts';
import { CONCERNS, verify } from './concerns/verify.ts';
import { endDownloads } from './lib/download.ts';
import { readTarget } from './lib/target.ts';
import { runConcern } from './run-concern.ts';

/** The provisioners named, one after the other in one process, up to the first that fails. */
async function run({ action, names, stage, targetPath }: Command): Promise<number> {
  const target = await readTarget(targetPath);
  const named = names.map((name) => (name === 'verify' ? verify : CONCERNS[name]));
  for (const concern of action === 'verify' ? named : withPackages(named)) {
    const isLook = action === 'verify' || (action === 'bake' && concern === verify);
    const isGood = await runConcern(concern, { action: isLook ? 'verify' : 'apply', stage, target });
    if (!isGood) return 1;
  }
  return 0;
}

try {
  process.exitCode = await run(parseCommand(process.argv.slice(2)));
} catch (error) {
  process.stderr.write(`${reasonOf(error)}\n`);
  process.exitCode = 1;
} finally {
  await endDownloads();
}
