/**
 * `missing` stops the work; `optional` is missing too, but only needed for what `neededFor` says; `unchecked` could not
 * be looked at, and stops nothing.
 */
export type DoctorStatus = 'ok' | 'missing' | 'optional' | 'unchecked';

/** One prerequisite as found on this machine. */
export type DoctorItem = {
  readonly name: string;
  readonly status: DoctorStatus;
  /** A version, a path, or what was found instead; never a secret. */
  readonly found: string;
  readonly needed: string;
  /** What to do; empty when the status is ok. */
  readonly fix: string;
  /** `region`: a run in the region that was named. `qemu`: regions of the lab with `machine: qemu`. */
  readonly neededFor: 'everything' | 'lab' | 'qemu' | 'AWS' | 'region';
};

export function item(
  name: string,
  neededFor: DoctorItem['neededFor'],
  holds: boolean,
  texts: { found: string; needed: string; fix: string },
): DoctorItem {
  const missing = neededFor === 'AWS' || neededFor === 'qemu' ? 'optional' : 'missing';
  return { name, neededFor, status: holds ? 'ok' : missing, ...texts, fix: holds ? '' : texts.fix };
}
