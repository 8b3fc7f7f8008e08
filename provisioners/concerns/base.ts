import { missingPackages } from '../lib/apt.ts';
import type { Concern, Context } from '../lib/context.ts';
import { exists, installFiles } from '../lib/files.ts';
import { putsFiles, putsMasked } from '../lib/puts.ts';
import { installSecurityUpdates, putsUpdates, readUpdates } from '../lib/security-updates.ts';
import { heldUntil, holdRefreshes, type Snap } from '../lib/snap.ts';
import { activeState, disableUnits, maskUnits, unitFileState } from '../lib/systemd.ts';
import { ask, textOf } from '../lib/tool.ts';

const APT_SETTINGS = '/etc/apt/apt.conf.d/90ecs-host';
export const FILES = [APT_SETTINGS, '/etc/systemd/system-preset/10-ecs-host.preset'];

/** The preset keeps Docker from the boot, which is where a development host has it. */
function filesFor({ variant }: Context['target']): readonly string[] {
  return variant === 'host' ? FILES : [APT_SETTINGS];
}

/** What the other provisioners and the host service call. */
const PACKAGES = [
  'ca-certificates',
  'curl',
  'gpg',
  'gpg-agent',
  'iptables',
  'kmod',
  'nftables',
  'procps',
  'tar',
  'xz-utils',
].map((name) => ({ name }));

const TIMERS = ['apt-daily.timer', 'apt-daily-upgrade.timer'];
const SERVICES = ['apt-daily.service', 'apt-daily-upgrade.service', 'unattended-upgrades.service'];

const snap: Snap = (args) => ask`snap ${args}`;

/** A machine that somebody works on keeps its snaps as new as they like. */
async function hasSnapsToHold({ target }: Context): Promise<boolean> {
  return target.variant === 'host' && (await exists('/usr/bin/snap'));
}

/** A machine that somebody had before is theirs to update. */
function wantsSecurityUpdates({ target, stage }: Context): boolean {
  return target.securityUpdates && stage !== 'set-up';
}

async function checkSecurityUpdates(context: Context): Promise<void> {
  const about = { id: 'base.security-updates', title: 'Security updates were installed', expected: 'a list of them' };
  if (!wantsSecurityUpdates(context))
    return context.skip(about, context.stage === 'set-up' ? 'this machine is updated by its owner' : 'not asked for');
  await context.look(about, async () => {
    const updates = await readUpdates();
    const names = (updates ?? []).map(({ name, to }) => `${name} ${to}`).join(', ');
    return { actual: updates === null ? 'no list' : names || 'none were due', isCorrect: updates !== null };
  });
}

export const base: Concern = {
  name: 'base',
  prepare: async (context) => {
    if (wantsSecurityUpdates(context))
      await context.step(
        'security updates',
        { doneWhen: async () => (await readUpdates()) !== null },
        installSecurityUpdates,
      );
  },
  packages: async () => PACKAGES,
  puts: (target, carried) => [
    ...putsFiles(carried, filesFor(target)),
    ...putsMasked(SERVICES),
    ...(target.securityUpdates ? [putsUpdates()] : []),
  ],
  apply: async (context) => {
    if (await hasSnapsToHold(context))
      await context.step('hold refreshes of snaps', {}, () => holdRefreshes(snap, Date.now()));
    await context.step('apt settings', {}, () => installFiles(context, filesFor(context.target)));
    // Timers first, so that nothing new begins; what runs by now is waited for by apt's own lock timeout, not killed
    // halfway.
    await context.step('stop unattended upgrades', {}, async () => {
      const isDisabled = await disableUnits(TIMERS);
      // Masked: nothing may upgrade a kernel under a driver, whoever asks for it.
      const isMasked = await maskUnits(SERVICES);
      return isDisabled || isMasked;
    });
  },
  verify: async (context) => {
    await context.look(
      { id: 'base.packages', title: 'What the host calls is installed', expected: 'installed' },
      async () => {
        const isCorrect = (await missingPackages(PACKAGES)).length === 0;
        return { actual: isCorrect ? 'installed' : 'not all of it', isCorrect };
      },
    );
    await context.look({ id: 'base.apt-retries', title: 'apt asks a mirror again', expected: '5' }, async () => {
      const text = await textOf`apt-config dump Acquire::Retries`;
      const actual = /"(.*)"/.exec(text)?.[1] ?? 'not set';
      return { actual, isCorrect: actual === '5' };
    });
    await context.look(
      { id: 'base.no-unattended-upgrades', title: 'Nothing upgrades packages by itself', expected: 'off' },
      async () => {
        const on: string[] = [];
        for (const unit of TIMERS) {
          if ((await unitFileState(unit)) === 'enabled') on.push(`${unit} enabled`);
          if ((await activeState(unit)) === 'active') on.push(`${unit} active`);
        }
        const periodic = await textOf`apt-config dump APT::Periodic::Enable`;
        if (!periodic.includes('"0"')) on.push('APT::Periodic::Enable');
        const isHeld = !(await hasSnapsToHold(context)) || (await heldUntil(snap, Date.now())) !== 'not held';
        if (!isHeld) on.push('snapd refreshes snaps');
        return { actual: on.length === 0 ? 'off' : on.join(', '), isCorrect: on.length === 0 };
      },
    );
    await checkSecurityUpdates(context);
  },
};
