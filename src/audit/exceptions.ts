import type { BuildPlan } from '../plan/build-plan.ts';
import type { Finding } from './finding.ts';

/** Of hosts.yaml: what may be on an image although nothing explains it. */
export type Exception = BuildPlan['auditExceptions'][number];

/** Whether an exception is about a path: the very path, or what is below a folder (`/srv/data/**`). */
function covers({ path: pattern }: Exception, path: string): boolean {
  return pattern.endsWith('/**') ? path.startsWith(pattern.slice(0, -2)) : path === pattern;
}

/** Through its last day, in UTC. */
export function isExpired({ expires }: Pick<Exception, 'expires'>, now: Date): boolean {
  return now.toISOString().slice(0, 10) > expires;
}

export type Sifted<T> = {
  readonly findings: readonly T[];
  readonly excepted: readonly T[];
  /** Exceptions that nothing needed. */
  readonly unneeded: readonly Exception[];
};

/** Pure: findings that no exception covers that still counts, and those that one does. */
export function sift<T extends Pick<Finding, 'path'>>(
  all: readonly T[],
  exceptions: readonly Exception[],
  now: Date,
): Sifted<T> {
  const valid = exceptions.filter((exception) => !isExpired(exception, now));
  const isExcepted = ({ path }: T): boolean => valid.some((exception) => covers(exception, path));
  return {
    findings: all.filter((each) => !isExcepted(each)),
    excepted: all.filter(isExcepted),
    unneeded: exceptions.filter((exception) => !all.some(({ path }) => covers(exception, path))),
  };
}
