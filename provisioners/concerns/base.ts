import { aptInstall, aptUpdate, areInstalled, isUpdated } from '../lib/apt.ts';
import type { Concern, Context } from '../lib/context.ts';
import { installFiles } from '../lib/files.ts';
import { activeState, disableUnits, maskUnits, unitFileState } from '../lib/systemd.ts';
import { textOf } from '../lib/tool.ts';

const APT_SETTINGS = '/etc/apt/apt.conf.d/90ecs-host';
export const FILES = [APT_SETTINGS, '/etc/systemd/system-preset/10-ecs-host.preset'];

/** The preset keeps Docker from the boot, which is where a development host has it. */
function filesFor({ target }: Context): readonly string[] {
  return target.variant === 'host' ? FILES : [APT_SETTINGS];
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

export const base: Concern = {
  name: 'base',
  apply: async (context) => {
    await context.step('apt settings', {}, () => installFiles(context, filesFor(context)));
    // Timers first, so that nothing new begins; what runs by now is waited for by apt's own lock timeout, not killed
    // halfway.
    await context.step('stop unattended upgrades', {}, async () => {
      const isDisabled = await disableUnits(TIMERS);
      // Masked: nothing may upgrade a kernel under a driver, whoever asks for it.
      const isMasked = await maskUnits(SERVICES);
      return isDisabled || isMasked;
    });
    await context.step('package lists', { doneWhen: isUpdated }, aptUpdate);
    await context.step('base packages', { doneWhen: () => areInstalled(PACKAGES) }, () => aptInstall(PACKAGES));
  },
  verify: async (context) => {
    await context.look(
      { id: 'base.packages', title: 'What the host calls is installed', expected: 'installed' },
      async () => {
        const isCorrect = await areInstalled(PACKAGES);
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
        return { actual: on.length === 0 ? 'off' : on.join(', '), isCorrect: on.length === 0 };
      },
    );
  },
};
