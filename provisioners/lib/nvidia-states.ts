import type { Stage } from './context.ts';

/**
 * Pure: what `dkms status` says of a module for a kernel: `installed`, `built`, `added`, or `not registered`. DKMS 2
 * writes `nvidia, 580.1, KERNEL, x86_64: installed`, DKMS 3 `nvidia/580.1, KERNEL, x86_64: installed`; what is only
 * added has no kernel.
 */
export function dkmsState(status: string, module: string, version: string, release: string): string {
  let state = 'not registered';
  for (const line of status.split('\n')) {
    const [what = '', said = ''] = line.split(/:\s*/);
    const [name, of, kernel] = what.split(/\s*[,/]\s*/);
    if (name !== module || of !== version) continue;
    const word = /^[a-z]+/.exec(said)?.[0] ?? '';
    if (kernel === undefined) state = word;
    if (kernel === release) return word;
  }
  return state;
}

/** Pure: `mode` of the table [nvidia-container-runtime], and of no table below it; null when it is not set. */
export function runtimeMode(toml: string): string | null {
  const [, after = ''] = toml.split(/^\[nvidia-container-runtime\]\s*$/m);
  const [table = ''] = after.split(/^\s*\[/m);
  return /^\s*mode\s*=\s*"([^"]*)"/m.exec(table)?.[1] ?? null;
}

/** Pure: whether daemon.json asks for CDI devices (`--device nvidia.com/gpu=all`). */
export function offersCdi(daemon: Readonly<Record<string, unknown>>): boolean {
  const features = daemon['features'];
  return typeof features === 'object' && features !== null && 'cdi' in features && features.cdi === true;
}

/**
 * Pure: what `nvidia-smi -q` says of the licence that a GRID driver needs, for example `Licensed (Expiry: N/A)`: of all
 * GPUs, each state once; null when the driver knows of none, as that for servers does.
 */
export function licenceIn(query: string): string | null {
  const states = [...query.matchAll(/^\s*License Status\s*:\s*(.*?)\s*$/gm)].map(([, state = '']) => state);
  return states.length === 0 ? null : [...new Set(states)].join(', ');
}

type Facts = {
  readonly gpus: number;
  readonly stage: Stage;
  readonly bootRelease: string;
  readonly runningRelease: string;
};

/**
 * Pure: why the GPU cannot be looked at here, and why what our unit does at a boot cannot; null where it can. A driver
 * for a kernel that does not run yet is no mistake of a bake, but one of a host.
 */
export function whyNotHere(facts: Facts): { readonly device: string | null; readonly unit: string | null } {
  const { gpus, stage, bootRelease, runningRelease } = facts;
  if (gpus === 0) {
    const reason = 'not here: this machine has no NVIDIA GPU';
    return { device: reason, unit: reason };
  }
  const device =
    stage !== 'booted' && bootRelease !== runningRelease
      ? `not here: the driver is for kernel ${bootRelease}, which boots next, and ${runningRelease} runs`
      : null;
  return { device, unit: stage === 'booted' ? null : 'a boot does it, and this one was before' };
}
