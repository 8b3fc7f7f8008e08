import { aptInstall, aptUpdate, areInstalled, isUpdated } from '../lib/apt.ts';
import { installFiles } from '../lib/files.ts';
import { activeState, disableUnits, unitFileState } from '../lib/systemd.ts';
import { textOf, tool } from '../lib/tool.ts';
import type { Concern } from '../step.ts';

export const FILES = ['/etc/apt/apt.conf.d/90ecs-host', '/etc/systemd/system-preset/10-ecs-host.preset'];

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

/** A masked service cannot be started by whoever it is: nothing may upgrade a kernel under a driver. */
const maskService = async (unit: string): Promise<boolean> => {
  const state = await unitFileState(unit);
  if (state === 'masked' || state === 'not-found') return false;
  await tool`systemctl mask ${unit}`;
  return true;
};

export const base: Concern = {
  name: 'base',
  apply: async (context) => {
    await context.step('apt settings', {}, () => installFiles(context, FILES));
    // Timers first, so that nothing new begins; what runs by now is waited for by apt's own lock timeout, not killed halfway.
    await context.step('stop unattended upgrades', {}, async () => {
      let isChanged = await disableUnits(TIMERS);
      for (const unit of SERVICES) if (await maskService(unit)) isChanged = true;
      return isChanged;
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
