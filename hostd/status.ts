import { uptime } from 'node:os';
import { GATE_PATH, HOST_STATE_PATH, type HostState, LEASE_MS } from '#contracts/host-service.ts';
import { printable } from '#contracts/printable.ts';
import { parseJson } from './json.ts';
import { readSmallFile } from './read-file.ts';

const LARGEST_STATE_BYTES = 64 * 1024;
const LARGEST_LEASE_BYTES = 100;

/** What the command prints and how it ends: exit code 0 when the host serves, 1 when not, 2 when nothing is known. */
export type Status = { readonly exitCode: 0 | 1 | 2; readonly out: string; readonly err: string };

function unknown(reason: string): Status {
  return { exitCode: 2, out: '', err: `${reason}\n` };
}

function parse(text: string): HostState | null {
  const json = parseJson(text);
  const { phase, status } = ('value' in json ? (json.value ?? {}) : {}) as Partial<Record<keyof HostState, unknown>>;
  return typeof phase === 'string' && typeof status === 'string'
    ? ((json as { value: unknown }).value as HostState)
    : null;
}

/** The same JSON: what a terminal might obey is in strings, and there has another form. */
function escaped(text: string): string {
  return text.replaceAll(
    /[\u007f-\u009f\u2028\u2029]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** As ecs-host-gate sees it: one that is good for longer than the host service ever makes it is somebody else's. */
function isValid(lease: string | null, nowCs: number): boolean {
  return /^\d{1,15}\n$/.test(lease ?? '') && Number(lease) >= nowCs && Number(lease) <= nowCs + (2 * LEASE_MS) / 10;
}

function word(value: unknown): string {
  return printable(String(value), 300);
}

/**
 * Pure. `lease` is the text of the gate's file, or null; a service that does not keep it serves nobody, whatever it
 * last wrote down.
 */
export function statusOf(text: string | null, lease: string | null, nowCs: number, isJson: boolean): Status {
  if (text === null) return unknown(`${HOST_STATE_PATH} is not there: the host service has not run in this boot`);
  const state = parse(text);
  if (state === null) return unknown(`${HOST_STATE_PATH} is damaged; \`systemctl restart ecs-host\` makes another`);
  const isKept = isValid(lease, nowCs);
  const isServing = state.phase === 'serving' && isKept;
  const exitCode = isServing ? 0 : 1;
  if (isJson) return { exitCode, out: escaped(text), err: '' };
  const rows = [
    ['phase', state.phase],
    [
      'status',
      state.phase === 'serving' && !isKept ? 'the host service does not answer; its gate is shut' : state.status,
    ],
    ['gate', isKept ? state.gate : 'shut'],
    ['instance', state.instanceId ?? 'not known yet'],
    ['handshakes', state.handshakeAttempts],
    ['containers', state.containersSeen],
    ...(state.isRebalanceRecommended ? [['spot', 'EC2 recommends to rebalance']] : []),
  ];
  return {
    exitCode,
    out: rows.map(([label, value]) => `${String(label).padEnd(12)}${word(value)}\n`).join(''),
    err: '',
  };
}

async function read(path: string, mostBytes: number): Promise<string | null> {
  const found = await readSmallFile(path, mostBytes);
  return found === null ? null : 'text' in found ? found.text : '';
}

/** `ecs-host-status [--json]`: what the host service last wrote down, and whether it still keeps the gate. */
export async function main(args: readonly string[]): Promise<number> {
  const state = await read(HOST_STATE_PATH, LARGEST_STATE_BYTES);
  const lease = await read(GATE_PATH, LARGEST_LEASE_BYTES);
  const status = statusOf(state, lease, Math.floor(uptime() * 100), args.includes('--json'));
  process.stdout.write(status.out);
  process.stderr.write(status.err);
  return status.exitCode;
}

if (import.meta.main) process.exitCode = await main(process.argv.slice(2));
