import { reasonOf } from '#contracts/reason.ts';
import { type Command, parseCommand } from './command.ts';
import { CONCERNS, verify } from './concerns/verify.ts';
import { readTarget } from './lib/target.ts';
import { runConcern } from './run-concern.ts';

/** The provisioners named, one after the other in one process, up to the first that fails. */
async function run({ action, names, stage, targetPath }: Command): Promise<number> {
  const target = await readTarget(targetPath);
  for (const name of names) {
    const concern = name === 'verify' ? verify : CONCERNS[name];
    const isLook = action === 'verify' || (action === 'bake' && name === 'verify');
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
}
