import { readFileSync } from 'node:fs';
import { uptime } from 'node:os';
import { GATE_PATH, HOST_STATE_PATH, type HostState } from '#contracts/host-service.ts';
import { printable } from '#contracts/printable.ts';

/** What the command prints and how it ends: exit code 0 when the host serves, 1 when not, 2 when nothing is known. */
export type Status = { readonly exitCode: 0 | 1 | 2; readonly out: string; readonly err: string };

const unknown = (reason: string): Status => ({ exitCode: 2, out: '', err: `${reason}\n` });

const parse = (text: string): HostState | null => {
  try {
    const state = JSON.parse(text) as HostState;
    return typeof state.phase === 'string' && typeof state.status === 'string' ? state : null;
  } catch {
    return null;
  }
};

const word = (value: unknown): string => printable(String(value), 300);

/** Pure. `lease` is the text of the gate's file, or null; a service that does not keep it serves nobody, whatever it last wrote down. */
export const statusOf = (text: string | null, lease: string | null, nowCs: number, isJson: boolean): Status => {
  if (text === null) return unknown(`${HOST_STATE_PATH} is not there: the host service has not run in this boot`);
  const state = parse(text);
  if (state === null) return unknown(`${HOST_STATE_PATH} is damaged; \`systemctl restart ecs-host\` makes another`);
  const isKept = /^\d+\n$/.test(lease ?? '') && Number(lease) >= nowCs;
  const isServing = state.phase === 'serving' && isKept;
  const exitCode = isServing ? 0 : 1;
  if (isJson) return { exitCode, out: text, err: '' };
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
  ];
  return {
    exitCode,
    out: rows.map(([label, value]) => `${String(label).padEnd(12)}${word(value)}\n`).join(''),
    err: '',
  };
};

const read = (path: string): string | null => {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return null;
  }
};

/** `ecs-host-status [--json]`: what the host service last wrote down, and whether it still keeps the gate. */
export const main = (args: readonly string[]): number => {
  const status = statusOf(read(HOST_STATE_PATH), read(GATE_PATH), Math.floor(uptime() * 100), args.includes('--json'));
  process.stdout.write(status.out);
  process.stderr.write(status.err);
  return status.exitCode;
};

if (import.meta.main) process.exitCode = main(process.argv.slice(2));
