import { reasonOf } from '#contracts/reason.ts';
import type { DoctorItem } from '../doctor/doctor-item.ts';
import { EcsHostError } from '../io/errors.ts';
import { explainError } from '../io/explain-error.ts';

/** One thing that was looked at; `code` is what a mistake is called where it is told alone. */
export type PreflightItem = DoctorItem & { readonly code?: string };

/** A look at one thing. What is not found it says; what it throws makes the item unchecked. */
export type Look = {
  readonly name: string;
  readonly needed: string;
  /** Null where there is nothing to say that another item does not say. */
  readonly look: (signal: AbortSignal) => Promise<Result | null>;
};

export type Result =
  | { readonly status: 'ok'; readonly found: string }
  | { readonly status: 'missing' | 'unchecked'; readonly found: string; readonly fix: string; readonly code?: string };

export function ok(found: string): Result {
  return { status: 'ok', found };
}

export function missing(found: string, fix: string): Result {
  return { status: 'missing', found, fix };
}

/** @param why what stands behind "not checked:" */
export function unchecked(why: string, fix: string): Result {
  return { status: 'unchecked', found: `not checked: ${why}`, fix };
}

const REFUSED = /^(UnauthorizedOperation|AccessDenied\w*)$/;
/** The API names the action where another one is meant than the one that was called. */
const NAMED = /not authorized to perform:? ([a-z0-9-]+:\w+)/i;

/** A permission that the credentials do not have: nothing is known of what it would have shown. */
class Refused extends Error {
  readonly permission: string;

  constructor(permission: string, cause: Error) {
    super(`the credentials may not do ${permission}`, { cause });
    this.permission = permission;
  }
}

/** A call, with the permission that it needs. */
export async function ask<T>(permission: string, call: Promise<T>): Promise<T> {
  try {
    return await call;
  } catch (error) {
    if (!(error instanceof Error) || !REFUSED.test(error.name)) throw error;
    throw new Refused(NAMED.exec(error.message)?.[1] ?? permission, error);
  }
}

/** What did not come in its time. */
export class Late extends Error {
  constructor(limitMs: number) {
    super(`no answer within ${limitMs / 1000} s`);
  }
}

/** What a promise gives. @throws Late after the limit, whatever becomes of the promise */
export async function within<T>(limitMs: number, promise: Promise<T>, onLate: () => void = () => {}): Promise<T> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    late.reject(new Late(limitMs));
    onLate();
  }, limitMs);
  try {
    return await Promise.race([promise, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}

/** Pure: what a look that threw says. */
export function whyUnchecked(error: unknown): Result {
  if (error instanceof Late) return unchecked(error.message, 'look at the network and its proxy, and try again');
  if (error instanceof Refused)
    return unchecked(error.message, `allow ${error.permission}, as src/bootstrap/policies/caller.json does`);
  const known = explainError(error);
  const hint = known instanceof EcsHostError ? known.hint : undefined;
  return unchecked(reasonOf(known).replace(/\.$/, ''), hint ?? 'try again');
}

/** Pure: a result as an item. */
export function asItem(name: string, needed: string, result: Result): PreflightItem {
  return { name, needed, neededFor: 'region', fix: '', ...result };
}

/** The item of a look, within its time whatever becomes of its calls. */
export async function itemOf({ name, needed, look }: Look, limitMs: number): Promise<PreflightItem | null> {
  const controller = new AbortController();
  try {
    const result = await within(limitMs, look(controller.signal), () => controller.abort());
    return result === null ? null : asItem(name, needed, result);
  } catch (error) {
    return asItem(name, needed, whyUnchecked(error));
  }
}
