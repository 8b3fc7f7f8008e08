import { readdir } from 'node:fs/promises';
import { release as runningRelease } from 'node:os';
import type { TargetConfig } from '#contracts/target-config.ts';
import { exists } from '../lib/files.ts';
import { nvidiaDevices } from '../lib/gpus.ts';
import { containerKind } from '../lib/machine.ts';
import { kernelThatWillBoot } from '../lib/nvidia-decisions.ts';
import { activeState } from '../lib/systemd.ts';
import { ask } from '../lib/tool.ts';

export type BootFacts = {
  readonly isContainer: boolean;
  /** Of the distribution: a package said so. */
  readonly isRequired: boolean;
  readonly runningRelease: string;
  /** Null when nothing was built for a kernel. */
  readonly bootRelease: string | null;
  readonly isDriverSilent: boolean;
  readonly isHostServiceDown: boolean;
};

/** Pure: why the machine should be booted, each a clause. */
export function rebootReasons(facts: BootFacts): readonly string[] {
  const { isContainer, bootRelease } = facts;
  const reasons: string[] = [];
  if (!isContainer && bootRelease !== null && bootRelease !== facts.runningRelease)
    reasons.push(`kernel ${bootRelease} boots next, and ${facts.runningRelease} runs`);
  if (!isContainer && facts.isDriverSilent) reasons.push('the driver of the GPU is loaded by a boot');
  if (!isContainer && facts.isRequired) reasons.push('a package that was installed asks for it');
  if (facts.isHostServiceDown) reasons.push('the host service begins with a boot');
  return reasons;
}

export async function lookAtBoot({ nvidia, variant }: TargetConfig): Promise<BootFacts> {
  const hasGpu = nvidia !== null && (await nvidiaDevices()).length > 0;
  return {
    isContainer: (await containerKind()) !== null,
    isRequired: await exists('/run/reboot-required'),
    runningRelease: runningRelease(),
    bootRelease: nvidia === null ? null : kernelThatWillBoot(await readdir('/boot')),
    isDriverSilent: hasGpu && (await ask`nvidia-smi -L`).exitCode !== 0,
    isHostServiceDown: variant === 'host' && (await activeState('ecs-host.service')) !== 'active',
  };
}
