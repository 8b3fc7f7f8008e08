import { readFile } from 'node:fs/promises';
import { reasonOf } from '#contracts/reason.ts';
import type { SetupPart } from '#contracts/setup-script.ts';
import { readTarget } from './lib/target.ts';
import { loginUserOf } from './standalone/login-user.ts';
import { parseOptions } from './standalone/options.ts';
import { EXIT, setUp } from './standalone/set-up.ts';

/**
 * What a standalone script runs, as root, from the folder into which it has unpacked itself. The first three words are
 * the header's (src/setup-scripts/header.sh), the others are the user's.
 */
async function main(): Promise<number> {
  const [folder = '', name = '', lock, ...words] = process.argv.slice(2);
  const carried = await readTarget(`${folder}/target.json`);
  const parts = carried.provisioners.filter((part) => part !== 'verify') as readonly SetupPart[];
  const options = parseOptions(words, parts);
  if ('problem' in options) {
    process.stderr.write(`${name}: ${options.problem}\n`);
    return EXIT.user;
  }
  const passwd = await readFile('/etc/passwd', 'utf8');
  const target = { ...carried, sshUser: loginUserOf(passwd, process.env['SUDO_USER'], carried.sshUser) };
  return setUp({ name, folder, isLocked: lock === 'taken', target, options });
}

try {
  process.exitCode = await main();
} catch (error) {
  process.stderr.write(`${reasonOf(error)}\n`);
  process.exitCode = EXIT.outside;
}
