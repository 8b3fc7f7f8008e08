import { mkdir, readdir, readlink, rm, stat, symlink } from 'node:fs/promises';
import { onHost } from '#contracts/host-paths.ts';
import { agentDefaults, renderEnvironmentFile, settingIn } from '../lib/agent-config.ts';
import { installedVersion, isInVersion } from '../lib/apt.ts';
import { firstBootMs } from '../lib/cloud-init.ts';
import type { Concern, Context, Package, Puts } from '../lib/context.ts';
import { download, requireSha256 } from '../lib/download.ts';
import { exists, installFiles, putFile, readText } from '../lib/files.ts';
import { requireSignature } from '../lib/gpg.ts';
import { putsFile, putsFiles } from '../lib/puts.ts';
import {
  activeState,
  checkDisabled,
  checkNeverStarted,
  disableUnits,
  reloadUnits,
  showUnit,
  unitFileState,
} from '../lib/systemd.ts';
import { textOf } from '../lib/tool.ts';
import { trusted } from '../lib/trusted.ts';

export const FILES = [
  '/etc/systemd/system/ecs.service.d/10-ecs-host-gate.conf',
  '/etc/systemd/system/ecs.service.d/20-ecs-host.conf',
];

const UNIT = 'ecs.service';
/** Of the same package, for EFS volumes with IAM: off, and not announced (docs/decisions/0166). */
const VOLUME_PLUGIN = ['amazon-ecs-volume-plugin.socket', 'amazon-ecs-volume-plugin.service'];
/** For whoever wants to look again at a package. */
const KEY_FILE = '/usr/share/ecs-host/keys/amazon-ecs.asc';
const DEFAULTS = onHost('ecs-defaults.env');
/** Where ecs-init looks for the settings of whoever made the image. /etc/ecs/ecs.config is the user's and wins. */
const INSTANCE_CONFIG = '/var/lib/ecs/ecs.config';
const USER_CONFIG = '/etc/ecs/ecs.config';
const DATA = '/var/lib/ecs/data';
const LOGS = '/var/log/ecs';
/** The agent's own, which it wants to find. */
const FOLDERS = ['/etc/ecs', DATA, LOGS];

function defaultsOf(target: Context['target']): string {
  return renderEnvironmentFile(agentDefaults(target));
}

/** Where the package is, once it was fetched. */
function packageFile({ target, payload }: Context): string {
  const { source, package: name } = target.ecsAgent;
  return source === 'aws' ? '/run/ecs-host-provision/amazon-ecs-init.deb' : `${payload}/${name}`;
}

/** Fetches or finds the package, and fails unless it is what it should be. */
async function fetchPackage(context: Context): Promise<void> {
  const { source, package: name, sha256 } = context.target.ecsAgent;
  const file = packageFile(context);
  if (source === 'aws') {
    await download(name, file);
    await download(`${name}.asc`, `${file}.asc`);
  }
  // Without a pinned sum the plan's digest stands for the stand-in: it covers every file that is carried.
  if (sha256 !== null) await requireSha256(file, sha256);
  if (source === 'lab-stand-in') return;
  const pinned = trusted(context.target, 'ecsAgent');
  await requireSignature({ file, signature: `${file}.asc`, pinned });
  await putFile(KEY_FILE, pinned.key);
}

/** The version that the name of Amazon's deb says, which a plan always has; null of `latest`. */
export function versionIn(url: string): string | null {
  return /\/amazon-ecs-init-(\d+\.\d+\.\d+-\d+)\.amd64\.deb$/.exec(url)?.[1] ?? null;
}

/** Name and version of the package; null when nobody knows any more what was carried. */
async function wantedPackage(context: Context): Promise<Package | null> {
  const { source, package: name } = context.target.ecsAgent;
  const file = packageFile(context);
  if (source === 'aws') {
    const version = versionIn(name);
    return { name: 'amazon-ecs-init', file, ...(version === null ? {} : { version }) };
  }
  if (!(await exists(file))) return null;
  const [carried = '', version = ''] =
    // biome-ignore lint/suspicious/noTemplateCurlyInString: dpkg's own templates.
    (await textOf`dpkg-deb --show --showformat=${'${Package} ${Version}'} ${file}`).split(' ');
  return { name: carried, version, file };
}

async function isInstalled(context: Context): Promise<boolean> {
  if (!(await exists(unitPath()))) return false;
  const wanted = await wantedPackage(context);
  return wanted === null || isInVersion(await installedVersion(wanted.name), wanted.version ?? null);
}

function unitPath(): string {
  return '/lib/systemd/system/ecs.service';
}

/** Every file below a folder, with the time it came into being. */
async function filesBelow(folder: string): Promise<readonly { path: string; bornMs: number }[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  return Promise.all(
    entries
      .filter((entry) => !entry.isDirectory())
      .map(async (entry) => {
        const path = `${entry.parentPath}/${entry.name}`;
        return { path, bornMs: (await stat(path)).birthtimeMs };
      }),
  );
}

/** State of an agent that ran before this machine was first booted makes every clone but the first fail to register. */
async function checkNoState(context: Context): Promise<void> {
  const about = { id: 'ecs-agent.never-started', title: 'The image holds no state of an agent', expected: 'no state' };
  if (context.stage === 'set-up') return context.skip(about, 'this machine may have had an agent before');
  await context.look(about, async () => {
    const files = [...(await filesBelow(DATA)), ...(await filesBelow(LOGS))];
    if (context.stage === 'bake') {
      return {
        actual:
          files
            .map(({ path }) => path)
            .slice(0, 3)
            .join(', ') || 'no state',
        isCorrect: files.length === 0,
      };
    }
    const since = await firstBootMs();
    if (since === null) throw new Error('cloud-init does not know when this machine was first booted');
    const older = files.filter(({ bornMs }) => bornMs < since).map(({ path }) => path);
    return {
      actual: older.slice(0, 3).join(', ') || 'no state',
      isCorrect: older.length === 0,
      reason: 'files older than the first boot count',
    };
  });
}

/** As the agent will have it: the user's file may say otherwise. */
async function checkCleanup(context: Context): Promise<void> {
  await context.look(
    {
      id: 'ecs-agent.images-cleaned',
      title: 'The agent removes images that no task needs',
      expected: 'removed after 30m',
    },
    async () => {
      const files = [await readText(INSTANCE_CONFIG), await readText(USER_CONFIG)];
      const isOff =
        settingIn(files, 'ECS_IMAGE_PULL_BEHAVIOR') === 'prefer-cached' ||
        settingIn(files, 'ECS_DISABLE_IMAGE_CLEANUP') === 'true';
      const age = settingIn(files, 'ECS_IMAGE_MINIMUM_CLEANUP_AGE');
      return { actual: isOff ? 'kept for ever' : `removed after ${age}`, isCorrect: !isOff && age === '30m' };
    },
  );
}

async function checkNoVolumePlugin(context: Context): Promise<void> {
  await context.look(
    { id: 'ecs-agent.volume-plugin', title: 'The EFS volume plugin is off, and not announced', expected: 'off' },
    async () => {
      const states = await Promise.all(
        VOLUME_PLUGIN.map(async (unit) => `${await unitFileState(unit)} ${await activeState(unit)}`),
      );
      const isOff = states.every((state) => /^(disabled|not-found) inactive$/.test(state));
      const announced = settingIn([await readText(INSTANCE_CONFIG)], 'ECS_VOLUME_PLUGIN_CAPABILITIES');
      const isCorrect = isOff && announced === '[]';
      return { actual: isCorrect ? 'off' : `${states.join(', ')}; announced: ${announced}`, isCorrect };
    },
  );
}

const puts: Puts = (target, carried) => [
  ...putsFiles(carried, FILES),
  ...(target.ecsAgent.source === 'aws' ? [putsFile(KEY_FILE, trusted(target, 'ecsAgent').key)] : []),
  putsFile(DEFAULTS, defaultsOf(target)),
  { path: INSTANCE_CONFIG, kind: 'link', target: DEFAULTS },
  ...FOLDERS.map((path) => ({ path, kind: 'folder' }) as const),
];

export const ecsAgent: Concern = {
  name: 'ecs-agent',
  downloads: async (context) =>
    context.target.ecsAgent.source === 'lab-stand-in' || (await isInstalled(context))
      ? []
      : [context.target.ecsAgent.package],
  prepare: async (context) => {
    await context.step('gate', {}, async () => {
      const isChanged = await installFiles(context, FILES);
      if (isChanged) await reloadUnits();
      return isChanged;
    });
    await context.step('package of the agent', { doneWhen: () => isInstalled(context) }, () => fetchPackage(context));
  },
  packages: async (context) => {
    const wanted = await wantedPackage(context);
    if (wanted === null && !(await isInstalled(context))) throw new Error(`${packageFile(context)} is not there`);
    return wanted === null ? [] : [wanted];
  },
  puts,
  apply: async (context) => {
    await context.step('installed', {}, async () => {
      if (!(await exists(unitPath()))) throw new Error('the package brought no ecs.service');
      if (!(await isInstalled(context))) throw new Error('the package is not of the version that its name says');
      return false;
    });
    await context.step('defaults', {}, async () => {
      const isChanged = await putFile(DEFAULTS, defaultsOf(context.target));
      for (const folder of FOLDERS) await mkdir(folder, { recursive: true, mode: 0o755 });
      if ((await readlink(INSTANCE_CONFIG).catch(() => null)) === DEFAULTS) return isChanged;
      await rm(INSTANCE_CONFIG, { force: true });
      await symlink(DEFAULTS, INSTANCE_CONFIG);
      return true;
    });
    await context.step('not at boot', {}, async () => {
      const isChanged = await disableUnits([UNIT, ...VOLUME_PLUGIN]);
      if (isChanged) await reloadUnits();
      return isChanged;
    });
  },
  verify: async (context) => {
    await context.look(
      { id: 'ecs-agent.installed', title: 'ecs.service is there, of the version in the plan', expected: 'installed' },
      async () => {
        const isCorrect = await isInstalled(context);
        return { actual: isCorrect ? 'installed' : 'no unit file, or another version', isCorrect };
      },
    );
    await checkDisabled(context, UNIT, 'ecs-agent.service-disabled');
    await checkNeverStarted(context, UNIT, 'ecs-agent.unit-never-started');
    await checkNoState(context);
    await checkCleanup(context);
    await checkNoVolumePlugin(context);
    await context.look(
      { id: 'ecs-agent.gated', title: 'ecs.service asserts its gate', expected: 'asserted' },
      async () => {
        const text = await textOf`systemctl cat ${UNIT}`;
        const isCorrect = text.includes('\nAssertPathExists=/run/ecs-host/agent-open');
        return { actual: isCorrect ? 'asserted' : 'not asserted', isCorrect };
      },
    );
    await context.look(
      { id: 'ecs-agent.final', title: 'An agent that gave up (exit code 5) is not started again', expected: 'final' },
      async () => {
        const { RestartPreventExitStatus = '' } = await showUnit(UNIT, ['RestartPreventExitStatus']);
        const isCorrect = RestartPreventExitStatus.split(' ').includes('5');
        return { actual: isCorrect ? 'final' : 'started again', isCorrect };
      },
    );
    await context.look(
      {
        id: 'ecs-agent.defaults',
        title: 'The agent finds its defaults, and the user has the last word',
        expected: 'in order',
      },
      async () => {
        const text = await textOf`systemctl show --property=EnvironmentFiles ${UNIT}`;
        const files = [...text.matchAll(/EnvironmentFiles=(\S+)/g)].map((found) => found[1]);
        const isComplete = (await readText(INSTANCE_CONFIG)) === defaultsOf(context.target);
        const isCorrect = isComplete && files.join(' ') === `${DEFAULTS} ${USER_CONFIG}`;
        return {
          actual: isCorrect ? 'in order' : `${isComplete ? 'complete' : 'different'}, read from ${files.join(', ')}`,
          isCorrect,
        };
      },
    );
  },
};
