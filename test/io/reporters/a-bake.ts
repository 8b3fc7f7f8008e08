import type { Check } from '#contracts/check.ts';
import type { Message, Reporter } from '../../../src/io/reporter.ts';

/** Messages, and the milliseconds that pass between them. */
export type Story = readonly (Message | number)[];

function check(id: string, verdict: Check['verdict'], reason?: string): Message {
  const actual = verdict === 'correct' ? 'as it should be' : 'not as it should be';
  const made = { id, title: id, expected: 'as it should be', actual, verdict };
  return { type: 'check', span: 'verify', check: { ...made, ...(reason === undefined ? {} : { reason }) } };
}

/** A bake as `ecs-host ami` tells it, shortened: nested and parallel spans, a wait, warnings, checks of every kind. */
export const BAKE: Story = [
  { type: 'span-start', id: 'lab', parent: null, title: 'lab' },
  2500,
  { type: 'span-end', id: 'lab', outcome: 'ok', durationMs: 2500 },
  { type: 'span-start', id: 'plan', parent: null, title: 'plan' },
  {
    type: 'warning',
    code: 'CONFIG_WARNING',
    text: 'AWS retired g3s.xlarge in October 2025; only those who used it before can still launch it',
    hint: 'its successors are g4dn.xlarge, g5.xlarge and g6.xlarge',
    details: [],
  },
  500,
  { type: 'span-end', id: 'plan', outcome: 'ok', durationMs: 500 },
  { type: 'span-start', id: 'bake', parent: null, title: 'bake' },
  { type: 'span-start', id: 'packer', parent: 'bake', title: 'packer build' },
  { type: 'span-start', id: 'ssh', parent: 'packer', title: 'wait for ssh', limitMs: 600_000 },
  { type: 'span-progress', id: 'ssh', text: 'Waiting for SSH to become available...' },
  90_000,
  { type: 'span-end', id: 'ssh', outcome: 'ok', durationMs: 90_000 },
  { type: 'span-start', id: 'provision', parent: 'packer', title: 'provision' },
  { type: 'span-start', id: 'docker', parent: 'provision', title: 'provision: docker' },
  {
    type: 'span-progress',
    id: 'docker',
    text:
      'install docker.io: \u001b[1mGet:1\u001b[0m http://10.78.0.1/debian\tbookworm/main ' +
      'amd64 docker.io 20.10.24+dfsg1-1+deb12u1+b6 [36.2 MB]',
  },
  1300,
  { type: 'span-end', id: 'docker', outcome: 'ok', durationMs: 1300 },
  { type: 'span-start', id: 'verify', parent: 'provision', title: 'provision: verify' },
  check('docker.installed', 'correct'),
  check('limits.nofile', 'correct'),
  check('limits.vm-swappiness', 'skipped', 'not settable in this machine'),
  check('docker.no-other-runtime', 'incorrect', 'nvidia-container-runtime is still named in /etc/docker/daemon.json'),
  400,
  { type: 'span-end', id: 'verify', outcome: 'failed', durationMs: 400 },
  { type: 'span-end', id: 'provision', outcome: 'failed', durationMs: 1700 },
  { type: 'span-end', id: 'packer', outcome: 'failed', durationMs: 91_700, note: 'A check of the bake did not hold.' },
  { type: 'span-end', id: 'bake', outcome: 'failed', durationMs: 91_700, note: 'A check of the bake did not hold.' },
  { type: 'note', code: 'STOPPING', text: 'Stopping: releasing what this run made.' },
];

/** @param until how many entries are told */
export function tell(reporter: Reporter, story: Story, pass: (ms: number) => void, until = story.length): void {
  for (const entry of story.slice(0, until)) {
    if (typeof entry === 'number') pass(entry);
    else reporter.emit(entry);
  }
}
