import { onHost } from '#contracts/host-paths.ts';
import { isProvisionerName, type ProvisionerName } from '#contracts/provisioners.ts';
import { isStage, type Stage } from './lib/context.ts';

export type Command = {
  /** `bake` applies each, and verifies when it comes to `verify`. */
  readonly action: 'bake' | 'apply' | 'verify';
  readonly names: readonly ProvisionerName[];
  readonly stage: Stage;
  readonly targetPath: string;
};

const USAGE = `usage: main.mjs bake|apply NAME... [--target FILE]
       main.mjs verify [NAME...] [--stage bake|booted|set-up] [--target FILE]`;

function isAction(word: string | undefined): word is Command['action'] {
  return word === 'bake' || word === 'apply' || word === 'verify';
}

/** @throws Error with the usage when the words make no sense */
export function parseCommand(words: readonly string[]): Command {
  const [action, ...rest] = words;
  const firstOption = rest.findIndex((word) => word.startsWith('--'));
  const given = firstOption === -1 ? rest : rest.slice(0, firstOption);
  const options = firstOption === -1 ? [] : rest.slice(firstOption);
  if (!isAction(action)) throw new Error(USAGE);
  const names = given.filter(isProvisionerName);
  if (names.length < given.length || (names.length === 0 && action !== 'verify')) throw new Error(USAGE);
  let stage: Stage = 'bake';
  let targetPath = onHost('target.json');
  for (let at = 0; at < options.length; at += 2) {
    const value = options[at + 1];
    if (action === 'verify' && options[at] === '--stage' && isStage(value)) stage = value;
    else if (options[at] === '--target' && value !== undefined) targetPath = value;
    else throw new Error(USAGE);
  }
  return { action, names: names.length === 0 ? ['verify'] : names, stage, targetPath };
}
