import { deadlineUnit } from '#contracts/deadline.ts';
import { timeLimits } from './time-limits.ts';

/** Of a build, after it is reached: all provisioners. A driver that is compiled takes most of it. */
const PROVISION_S = 90 * 60;
/** Of a smoke run: the workload is cloned, built twice over and run, and what explains a failure is kept. */
const WORKLOAD_S = 45 * 60;

/** Pure: by when the work on an instance is over, however slow each step of it was. In seconds from its boot. */
export function deadlineS(kind: 'build' | 'smoke', endpointUrl: string | null): number {
  const limits = timeLimits(endpointUrl);
  const sumMs = (...some: readonly number[]): number => some.reduce((sum, limitMs) => sum + limitMs, 0);
  return kind === 'build'
    ? sumMs(limits.reachMs, limits.cloudInitMs) / 1000 + PROVISION_S
    : sumMs(...Object.values(limits)) / 1000 + WORKLOAD_S;
}

/**
 * Pure: cloud-config by which an instance powers itself off, which ends it where its shutdown behaviour is `terminate`.
 * From the first stage of cloud-init that runs commands, so that a boot that hangs later is covered, too. The timer may
 * therefore wait for nothing of the boot, as units do by default: that would wait for this stage, which waits for the
 * timer. Not `shutdown -P +N`: where nobody keeps its appointments yet it shuts down at once.
 */
export function deadlineConfig(kind: 'build' | 'smoke', afterS: number): string {
  const command = [
    ...['timeout', '20', 'systemd-run', `--unit=${deadlineUnit(kind)}`, `--on-active=${afterS}s`],
    ...['--timer-property=AccuracySec=1s', '--timer-property=DefaultDependencies=no'],
    ...['--property=DefaultDependencies=no', 'systemctl', 'poweroff'],
  ];
  return `#cloud-config\nbootcmd:\n  - ${JSON.stringify(command)}\n`;
}
