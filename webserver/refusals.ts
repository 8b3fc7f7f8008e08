import type { Refusal } from '#contracts/webserver.ts';

/** DENIED is a no that is final for the host; the others are the codes of the protocol. */
export type RefusalKind = 'DENIED' | Refusal['code'];

/**
 * Who is an instance id where the host has shown that it is that, else the address that it came from. Never told a
 * secret.
 */
export type OnRefusal = (who: string, kind: RefusalKind, reason: string) => void;

const WINDOW_MS = 60_000;
const TOLD_AT_MOST = 5;

/**
 * Tells a few refusals of each kind a minute, and at the end of the minute how many were left out: strangers do not
 * fill a log.
 */
export function sparingly(tell: OnRefusal): OnRefusal {
  const open = new Map<RefusalKind, { told: number; leftOut: number }>();
  return (who, kind, reason) => {
    const found = open.get(kind);
    if (found && found.told >= TOLD_AT_MOST) {
      found.leftOut += 1;
      return;
    }
    tell(who, kind, reason);
    if (found) {
      found.told += 1;
      return;
    }
    const window = { told: 1, leftOut: 0 };
    open.set(kind, window);
    setTimeout(() => {
      open.delete(kind);
      if (window.leftOut > 0)
        tell('others', kind, `${window.leftOut} more in a minute, which were not told one by one`);
    }, WINDOW_MS).unref();
  };
}
