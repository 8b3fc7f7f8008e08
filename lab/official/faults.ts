import { UserProblem } from '../problem.ts';

/** What may be wrong with what a host of the door has. */
export const FAULTS = ['wrong-signature', 'wrong-checksum', 'expired-key', 'missing'] as const;

export type FaultKind = (typeof FAULTS)[number];

/** Of all paths where none is named: of a checksum, of every package and installer. */
export type Fault = { readonly host: string; readonly path: string | null; readonly fault: FaultKind };

/** What of a body is no fault is said in words. @throws UserProblem */
export function parseFault(value: unknown): Fault {
  const { host, path = null, fault, ...others } = (value ?? {}) as Record<string, unknown>;
  const kind = FAULTS.find((each) => each === fault);
  if (typeof host !== 'string' || kind === undefined)
    throw new UserProblem(`a fault has a host, and is one of ${FAULTS.join(', ')}`);
  if (path !== null && (typeof path !== 'string' || !path.startsWith('/')))
    throw new UserProblem('the path of a fault begins with a slash');
  const unknown = Object.keys(others)[0];
  if (unknown !== undefined) throw new UserProblem(`a fault has no ${unknown}`);
  return { host, path, fault: kind };
}
