import {
  type AdminOrder,
  BadOrder,
  type HostLine,
  OrderFailed,
  type OrderLine,
  orderWebserver,
} from '../../../webserver/admin.ts';
import type { Decision } from '../../../webserver/handshake.ts';
import { outsideError, userError } from '../../io/errors.ts';
import { tableLines } from '../../io/table.ts';
import { resultWidth } from '../../io/text.ts';
import { type Argv, textOf } from '../arguments.ts';
import { printResult } from '../json.ts';
import { socketPath } from './webserver-socket.ts';

/** What the webserver answers to an order; both are of one program, so it is not checked again. */
type Answers = {
  readonly hosts: readonly HostLine[];
  readonly orders: readonly OrderLine[];
  readonly known: { readonly isKnown: boolean };
  readonly nothing: unknown;
};

type AnswerTo<Kind extends AdminOrder['kind']> = Kind extends 'hosts' | 'orders'
  ? Answers[Kind]
  : Kind extends 'resume' | 'decide'
    ? Answers['nothing']
    : Answers['known'];

function explain(error: unknown): Error {
  if (error instanceof BadOrder)
    return userError('ORDER', `That is no order: ${error.message}.`, 'see `ecs-host webserver tell --help`');
  if (error instanceof OrderFailed)
    return outsideError('ORDER_FAILED', `The webserver could not do that: ${error.message}.`, 'see what it printed');
  return userError('WEBSERVER_AWAY', 'No webserver runs here.', 'start one with `ecs-host webserver`');
}

async function ask<Order extends AdminOrder>(order: Order): Promise<AnswerTo<Order['kind']>> {
  try {
    return (await orderWebserver(socketPath(), order)) as AnswerTo<Order['kind']>;
  } catch (error) {
    throw explain(error);
  }
}

/** `ecs-host webserver hosts`. */
export async function hosts(argv: Argv): Promise<number> {
  const found = await ask({ kind: 'hosts' });
  const rows = found.map((host) => [host.instanceId, host.state, host.environment, host.imageId, host.lastSeen]);
  const table = tableLines(['host', 'state', 'environment', 'image', 'last seen'], rows, resultWidth());
  printResult(argv['json'] === true, found, found.length === 0 ? ['No host has shaken hands.'] : table);
  return 0;
}

function orderCells({ instanceId, drain, revoked, isKnown }: OrderLine): string[] {
  const what = [...(revoked === null ? [] : [`revoked: ${revoked}`]), ...(drain === null ? [] : [`drain: ${drain}`])];
  return [instanceId, what.join('; '), isKnown ? '' : 'no host that is there now'];
}

/** `ecs-host webserver orders`. */
export async function orders(argv: Argv): Promise<number> {
  const found = await ask({ kind: 'orders' });
  const table = tableLines(['host', 'order', 'remark'], found.map(orderCells), resultWidth());
  printResult(argv['json'] === true, found, found.length === 0 ? ['No order stands.'] : table);
  return 0;
}

function kept(isKnown: boolean): string {
  return isKnown ? '' : '; no such host is there now, and the order is kept';
}

/** Orders for one host, and what each has done. */
const DONE = {
  drain: (isKnown: boolean) => `is ordered to drain${kept(isKnown)}`,
  revoke: (isKnown: boolean) => `is revoked${kept(isKnown)}`,
  serve: () => 'may serve again; on the host, `systemctl reload ecs-host` has it ask',
  trust: () => 'is trusted again; on the host, `systemctl reload ecs-host` has it ask',
  forget: (isKnown: boolean) => (isKnown ? 'is forgotten; orders for it stay' : 'was not there; its key is forgotten'),
} as const;
type HostOrder = keyof typeof DONE;

/** What the webserver answers handshakes with from now on. */
function decisionOf(what: string, reason: string, delayMs: number): Decision {
  switch (what) {
    case 'deny':
      return { kind: 'deny', reason };
    case 'delay':
      return { kind: 'delay', delayMs, afterwards: { kind: 'grant' } };
    case 'error':
      return { kind: 'error', status: 500 };
    case 'nonsense':
      return { kind: 'nonsense', body: '{"version":1,' };
    default:
      return { kind: 'grant' };
  }
}

async function tellHost(what: HostOrder, instanceId: string | null, reason: string, json: boolean): Promise<void> {
  if (instanceId === null) throw userError('USAGE', `${what} needs --instance.`, 'see `ecs-host webserver hosts`');
  const { isKnown } = await (what === 'drain' || what === 'revoke'
    ? ask({ kind: what, instanceId, reason })
    : ask({ kind: what, instanceId }));
  printResult(json, { instanceId, what, isKnown }, [`${instanceId} ${DONE[what](isKnown)}`]);
}

/** `ecs-host webserver tell <what>`. */
export async function tell(argv: Argv): Promise<number> {
  const what = String(argv['what']);
  const instanceId = textOf(argv, 'instance');
  const reason = textOf(argv, 'reason') ?? 'told so';
  const json = argv['json'] === true;
  if (what === 'resume') {
    await ask({ kind: 'resume' });
    printResult(json, { what }, ['For ten minutes denials and silence are not held back.']);
  } else if (Object.hasOwn(DONE, what)) await tellHost(what as HostOrder, instanceId, reason, json);
  else {
    await ask({ kind: 'decide', instanceId, decision: decisionOf(what, reason, Number(argv['ms'])) });
    printResult(json, { instanceId, what }, [`handshakes of ${instanceId ?? 'all hosts'}: ${what}`]);
  }
  return 0;
}
