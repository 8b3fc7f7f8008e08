import { SetupError } from './errors.mjs';
import { findCommand, probeHolds } from './probe.mjs';
import { must, run } from './run.mjs';

/** apt waits this long for another apt or dpkg to finish. */
const LOCK_TIMEOUT_S = 300;

/**
 * @param {readonly import('./prerequisites.mjs').SystemPackage[]} packages
 * @param {string | null} python
 */
export async function missingPackages(packages, python) {
  const held = await Promise.all(
    packages.map(async (entry) =>
      (await Promise.all(entry.probes.map((probe) => probeHolds(probe, python)))).every(Boolean),
    ),
  );
  return packages.filter((_, at) => !held[at]);
}

/**
 * Those that this set-up needs.
 *
 * @param {readonly import('./prerequisites.mjs').SystemPackage[]} packages
 * @param {{ forLab: boolean, wantsEnvironment: boolean }} needs
 */
export function wantedPackages(packages, { forLab, wantsEnvironment }) {
  return packages.filter((entry) =>
    entry.name === 'python3-venv' ? wantsEnvironment : forLab || entry.for === undefined,
  );
}

/**
 * The command for a person to copy; with sudo only where a person would need it and has it.
 *
 * @param {readonly { name: string }[]} packages
 * @param {boolean} withSudo
 */
export function installCommand(packages, withSudo) {
  const sudo = withSudo ? 'sudo ' : '';
  const names = packages.map(({ name }) => name).join(' ');
  return `${sudo}apt-get update && ${sudo}apt-get install -y --no-install-recommends ${names}`;
}

/** Whether sudo stands between this user and root, as far as one can see. */
export async function usesSudo(uid = process.getuid?.()) {
  return uid !== 0 && (await findCommand('sudo')) !== null;
}

/**
 * How to become root here: [] as root, sudo when it needs no question or there is someone to ask, null otherwise.
 *
 * @param {{ interactive: boolean, uid?: number }} options
 * @returns {Promise<{ prefix: string[], asks: boolean } | null>}
 */
export async function rootPrefix(options) {
  if ((options.uid ?? process.getuid?.()) === 0) return { prefix: [], asks: false };
  const sudo = await findCommand('sudo');
  if (sudo === null) return null;
  if ((await run([sudo, '-n', 'true'])).code === 0) return { prefix: [sudo, '-n'], asks: false };
  return options.interactive ? { prefix: [sudo], asks: true } : null;
}

/**
 * Installs what is missing, or says exactly how.
 *
 * @param {readonly import('./prerequisites.mjs').SystemPackage[]} missing
 * @param {import('./progress.mjs').Step} step
 * @param {{ interactive: boolean }} options
 */
export async function installPackages(missing, step, options) {
  const names = missing.map(({ name }) => name);
  for (const { name, why } of missing) step.say(`${name} - ${why}`);
  const root = await rootPrefix(options);
  const withSudo = await usesSudo();
  if (root === null) {
    throw new SetupError(
      'user',
      `system packages are missing, and this user may not install them: ${names.join(', ')}`,
      {
        hint: `as ${withSudo ? 'a user who may use sudo' : 'root'}, run\n${installCommand(missing, withSudo)}\nthen start again`,
      },
    );
  }
  if (root.asks) {
    step.pause();
    const asked = await run([...root.prefix, '-v'], { terminal: true });
    if (asked.code !== 0) {
      throw new SetupError('user', `sudo was refused; missing packages: ${names.join(', ')}`, {
        hint: `run this as root, then start again\n${installCommand(missing, false)}`,
      });
    }
  }
  const asRoot = root.prefix.length === 0 ? [] : [root.prefix[0] ?? 'sudo', '-n'];
  const apt = [
    ...asRoot,
    'env',
    'DEBIAN_FRONTEND=noninteractive',
    'apt-get',
    '-o',
    `DPkg::Lock::Timeout=${LOCK_TIMEOUT_S}`,
  ];
  const hint = `look at the output, then run\n${installCommand(missing, withSudo)}`;
  /** @param {string} line */
  const onLine = (line) => step.at(line.slice(0, 100));
  await must([...apt, 'update'], {
    failure: 'apt-get could not fetch its package lists',
    hint,
    onLine,
    patient: true,
  });
  await must([...apt, 'install', '-y', '--no-install-recommends', ...names], {
    failure: `apt-get could not install ${names.join(', ')}`,
    hint,
    onLine,
    patient: true,
  });
  const still = await missingPackages(missing, '/usr/bin/python3');
  if (still.length > 0) {
    throw new SetupError(
      'outside',
      `apt-get succeeded, but these are still not usable: ${still.map(({ name }) => name).join(', ')}`,
      {
        hint: still.map(({ name, probes }) => `${name} should bring ${probes.join(', ')}`).join('\n'),
      },
    );
  }
}
