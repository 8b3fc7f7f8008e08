import { readFileSync } from 'node:fs';
import { mkdir, readdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Concern, Context, Put, Puts } from '../lib/context.ts';
import { type Changes, exists, installFiles, modeOf, putFile, readText } from '../lib/files.ts';
import { containerKind } from '../lib/machine.ts';
import {
  everybodysLimit,
  leastEverybodysLimit,
  leastManagerLimit,
  managerLimit,
  raisedEverybodysLimit,
  raisedManagerLimit,
} from '../lib/open-files.ts';
import { carriedText, putsEnabled, putsFile, putsFiles } from '../lib/puts.ts';
import { isEnough, isLeast, leastSysctls, parseSysctl, raisedSysctls } from '../lib/sysctl.ts';
import { disableUnits, enableUnit, reloadUnits, runsWith, showUnit } from '../lib/systemd.ts';
import { ask, textOf, tool } from '../lib/tool.ts';

const SYSCTL = '/etc/sysctl.d/90-ecs-host.conf';
const EVERYBODY = '/etc/security/limits.d/90-ecs-host.conf';
const MANAGER = '/etc/systemd/system.conf.d/90-ecs-host.conf';
export const FILES = [
  SYSCTL,
  EVERYBODY,
  MANAGER,
  '/etc/systemd/journald.conf.d/90-ecs-host.conf',
  '/etc/logrotate.d/ecs-host',
  '/etc/systemd/system/logrotate.timer.d/10-ecs-host.conf',
];

const LEAST_FILES = 1_048_576;
const SWAP_FILE = '/swapfile';
const SWAP_UNIT = 'swapfile.swap';
const SWAP_UNIT_FILE = `/etc/systemd/system/${SWAP_UNIT}`;
const SWAP_MODE = 0o600;
const JOURNAL = '/var/log/journal';
const MIB = 1024 * 1024;

async function otherLimits(): Promise<string[]> {
  const folder = dirname(EVERYBODY);
  const names = (await readdir(folder).catch(() => [])).map((name) => `${folder}/${name}`);
  const others = ['/etc/security/limits.conf', ...names].filter((path) => path !== EVERYBODY);
  return Promise.all(others.map(async (path) => (await readText(path)) ?? ''));
}

/** Nothing becomes lower than it is. What a container sees of the kernel and its manager is its host's. */
async function raises(): Promise<Changes> {
  const others = everybodysLimit(await otherLimits());
  const everybody = { [EVERYBODY]: (text: string) => raisedEverybodysLimit(text, others) };
  if ((await containerKind()) !== null) return everybody;
  const limit = managerLimit(await textOf`systemctl show --property=DefaultLimitNOFILE,DefaultLimitNOFILESoft`);
  return {
    ...everybody,
    [SYSCTL]: (text) => raisedSysctls(text, presentSysctl),
    [MANAGER]: (text) => raisedManagerLimit(text, limit),
  };
}

/** What `raises` changes by what a machine has. */
const LEAST: Changes = {
  [EVERYBODY]: leastEverybodysLimit,
  [SYSCTL]: leastSysctls,
  [MANAGER]: leastManagerLimit,
};

async function wantedSysctls(): Promise<ReadonlyMap<string, string>> {
  return parseSysctl((await readText(SYSCTL)) ?? '');
}

function presentSysctl(key: string): string | null {
  try {
    return readFileSync(`/proc/sys/${key.replaceAll('.', '/')}`, 'utf8')
      .trim()
      .replace(/\s+/g, ' ');
  } catch {
    return null;
  }
}

/**
 * Puts the settings in force. A container shares these with its host and leaves them alone: there the file is for
 * whatever boots it next.
 */
async function setSysctls(): Promise<boolean> {
  let isChanged = false;
  if ((await containerKind()) !== null) return false;
  for (const [key, value] of await wantedSysctls()) {
    if (isEnough(key, presentSysctl(key), value)) continue;
    // Its exit code says nothing: a value that could not be written may still be "success".
    const { stderr } = await ask`sysctl --write ${`${key}=${value}`}`;
    if (!isEnough(key, presentSysctl(key), value)) throw new Error(`${key} cannot be set: ${stderr.trim()}`);
    isChanged = true;
  }
  return isChanged;
}

export function swapUnit(): string {
  return `[Unit]
Description=Swap file of the ECS host

[Swap]
What=${SWAP_FILE}

[Install]
WantedBy=swap.target
`;
}

async function applySwap({ step, target }: Context): Promise<void> {
  const { swapMiB } = target;
  if (swapMiB === 0) {
    await step('no swap file', {}, () => disableUnits([SWAP_UNIT]));
    return;
  }
  await step(`swap file of ${swapMiB} MiB`, { doneWhen: async () => (await swapFileMiB()) === swapMiB }, async () => {
    await disableUnits([SWAP_UNIT]);
    // Under its name it is whole, whenever this ends.
    const partial = `${SWAP_FILE}.partial`;
    await tool`rm -f ${partial} ${SWAP_FILE}`;
    await tool`fallocate --length ${swapMiB * MIB} ${partial}`;
    await tool`chmod ${SWAP_MODE.toString(8)} ${partial}`;
    await tool`mkswap ${partial}`;
    await tool`mv ${partial} ${SWAP_FILE}`;
  });
  await step('swap at boot', {}, async () => {
    const isChanged = await putFile(SWAP_UNIT_FILE, swapUnit());
    if (isChanged) await reloadUnits();
    return (await enableUnit(SWAP_UNIT)) || isChanged;
  });
}

async function swapFileMiB(): Promise<number> {
  if (!(await exists(SWAP_FILE))) return 0;
  return Number(await textOf`stat --format=%s ${SWAP_FILE}`) / MIB;
}

function putsSwap({ swapMiB }: Context['target']): readonly Put[] {
  if (swapMiB === 0) return [];
  const expected = String(swapMiB * MIB);
  return [
    { path: SWAP_FILE, kind: 'file', mode: SWAP_MODE, rule: 'swap-file', expected, by: 'mkswap' },
    putsFile(SWAP_UNIT_FILE, swapUnit()),
    putsEnabled(SWAP_UNIT, swapUnit()),
  ];
}

const puts: Puts = (target, carried) => [
  ...putsFiles(
    carried,
    FILES.filter((path) => !Object.hasOwn(LEAST, path)),
  ),
  ...Object.entries(LEAST).map(([path, least]): Put => {
    const expected = least(carriedText(carried, path));
    return { path, kind: 'file', mode: modeOf(false), rule: 'at-least', expected };
  }),
  { path: JOURNAL, kind: 'folder' },
  ...putsSwap(target),
];

export const limits: Concern = {
  name: 'limits',
  puts,
  apply: async (context) => {
    await context.step('files', {}, async () => installFiles(context, FILES, await raises()));
    await context.step('kernel settings', {}, setSysctls);
    await context.step(
      'journal and limits in force',
      { doneWhen: () => runsWith('systemd-journald.service', FILES) },
      async () => {
        await mkdir(JOURNAL, { recursive: true });
        await reloadUnits();
        await tool`systemctl try-restart systemd-journald.service`;
        // The timer's drop-in.
        await ask`systemctl try-restart logrotate.timer`;
      },
    );
    await applySwap(context);
  },
  verify: async (context) => {
    const isContainer = (await containerKind()) !== null;
    for (const [key, value] of await wantedSysctls()) {
      const expected = isLeast(key) ? `at least ${value}` : value;
      const about = { id: `limits.${key.replaceAll(/[._]/g, '-')}`, title: `Kernel setting ${key}`, expected };
      const actual = presentSysctl(key);
      const isCorrect = isEnough(key, actual, value);
      if (!isCorrect && isContainer) context.skip(about, 'not settable in this machine');
      else context.check({ ...about, actual: actual ?? 'no such setting', isCorrect });
    }
    await context.look(
      { id: 'limits.nofile', title: 'Services may open many files', expected: `at least ${LEAST_FILES}` },
      async () => {
        const { hard } = managerLimit(await textOf`systemctl show --property=DefaultLimitNOFILE`);
        const isCorrect = hard >= LEAST_FILES;
        return { actual: String(hard), isCorrect, ...(isCorrect ? {} : { reason: 'systemd reads it at its start' }) };
      },
    );
    await context.look(
      { id: 'limits.journal', title: 'The journal is bounded', expected: 'SystemMaxUse=500M' },
      async () => {
        const text = await textOf`systemd-analyze cat-config systemd/journald.conf`;
        const actual = text.split('\n').findLast((line) => line.startsWith('SystemMaxUse=')) ?? 'not set';
        return { actual, isCorrect: actual === 'SystemMaxUse=500M' };
      },
    );
    const logRate = {
      id: 'limits.agent-log-rate',
      title: "The agent's busy loop cannot flood the journal",
      expected: '1000 in 10s',
    };
    if (context.target.variant === 'development') context.skip(logRate, 'a development host has no agent');
    else
      await context.look(logRate, async () => {
        const { LogRateLimitBurst = '', LogRateLimitIntervalUSec = '' } = await showUnit('ecs.service', [
          'LogRateLimitBurst',
          'LogRateLimitIntervalUSec',
        ]);
        const actual = `${LogRateLimitBurst} in ${LogRateLimitIntervalUSec}`;
        return { actual, isCorrect: actual === '1000 in 10s' };
      });
    const { swapMiB } = context.target;
    await context.look(
      { id: 'limits.swap', title: 'Swap file', expected: swapMiB === 0 ? 'none' : `${swapMiB} MiB` },
      async () => {
        const found = await swapFileMiB();
        return { actual: found === 0 ? 'none' : `${found} MiB`, isCorrect: found === swapMiB };
      },
    );
  },
};
