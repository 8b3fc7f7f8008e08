import { printable } from '#contracts/printable.ts';
import type { Decision } from './handshake.ts';
import { isInstanceId } from './standing-orders.ts';

/** What whoever runs the webserver tells it, through a socket that only they can open. */
export type AdminOrder =
  | { readonly kind: 'decide'; readonly instanceId: string | null; readonly decision: Decision }
  | { readonly kind: 'drain' | 'revoke'; readonly instanceId: string; readonly reason: string }
  | { readonly kind: 'serve' | 'trust' | 'forget'; readonly instanceId: string }
  | { readonly kind: 'hosts' | 'orders' | 'resume' };

/** An order that is none: what is wrong with it. */
export class BadOrder extends Error {
  constructor(problem: string) {
    super(problem);
    this.name = 'BadOrder';
  }
}

type Fields = { readonly [name: string]: unknown };

const LONGEST_DELAY_MS = 3_600_000;
const LONGEST_REASON = 200;
const LONGEST_NONSENSE = 10_000;

function fieldsOf(value: unknown, what: string): Fields {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new BadOrder(`${what} is no object`);
  return value as Fields;
}

function instanceIdIn(value: unknown): string {
  if (typeof value === 'string' && isInstanceId(value)) return value;
  throw new BadOrder(`${JSON.stringify(printable(String(value), 60))} is no instance id`);
}

function reasonIn(value: unknown): string {
  if (typeof value !== 'string' || value.trim() === '') throw new BadOrder('the reason is missing');
  if (value.length > LONGEST_REASON) throw new BadOrder(`the reason is longer than ${LONGEST_REASON} characters`);
  if (printable(value) !== value) throw new BadOrder('the reason has control characters');
  return value;
}

function integerIn(value: unknown, what: string, least: number, most: number): number {
  if (Number.isInteger(value) && Number(value) >= least && Number(value) <= most) return Number(value);
  throw new BadOrder(`${what} is no whole number from ${least} to ${most}`);
}

function decisionIn(value: unknown): Decision {
  const { kind, reason, delayMs, afterwards, status, body } = fieldsOf(value, 'the decision');
  switch (kind) {
    case 'grant':
      return { kind };
    case 'deny':
      return { kind, reason: reasonIn(reason) };
    case 'error':
      return { kind, status: integerIn(status, 'the status', 400, 599) };
    case 'nonsense':
      if (typeof body !== 'string' || body.length > LONGEST_NONSENSE)
        throw new BadOrder('the nonsense is no text, or too long');
      return { kind, body };
    case 'delay': {
      const next = decisionIn(afterwards);
      if (next.kind === 'delay') throw new BadOrder('a delay after a delay');
      return { kind, delayMs: integerIn(delayMs, 'the delay', 0, LONGEST_DELAY_MS), afterwards: next };
    }
    default:
      throw new BadOrder('a decision that is not known');
  }
}

/** The order in a text. @throws BadOrder when it is none */
export function orderIn(text: string): AdminOrder {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new BadOrder('the order is not JSON');
  }
  const { kind, instanceId, reason, decision } = fieldsOf(value, 'the order');
  switch (kind) {
    case 'hosts':
    case 'orders':
    case 'resume':
      return { kind };
    case 'serve':
    case 'trust':
    case 'forget':
      return { kind, instanceId: instanceIdIn(instanceId) };
    case 'drain':
    case 'revoke':
      return { kind, instanceId: instanceIdIn(instanceId), reason: reasonIn(reason) };
    case 'decide':
      return {
        kind,
        instanceId: instanceId === null ? null : instanceIdIn(instanceId),
        decision: decisionIn(decision),
      };
    default:
      throw new BadOrder('an order that is not known');
  }
}
