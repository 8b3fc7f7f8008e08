import { rm } from 'node:fs/promises';
import type { AwsClients } from '../../aws/clients.ts';
import { keyFolder } from '../../io/paths.ts';
import type { Reporter } from '../../io/reporter.ts';
import { poll } from '../../io/wait-until.ts';
import { isAlive, leftoverChildren, type OwnerFile, ownerName, processStart, readOwner } from '../owner.ts';
import { startOf } from '../run-id.ts';
import { TAG, type Tags } from '../tags.ts';
import { applyRemovals, type Removal } from './apply.ts';
import { gatherInventory } from './gather.ts';
import { type Leftover, type RunState, selectLeftovers } from './select.ts';

export type SweepResult = {
  readonly leftovers: readonly Leftover[];
  /** Empty for a dry run. */
  readonly removals: readonly Removal[];
};

/** A run of ours without an owner file (another state folder) counts as dead only after this. */
const UNKNOWN_GRACE_MS = 6 * 60 * 60_000;
const CHILD_TERM_MS = 30_000;

/** Pure: what the owner file (or its absence) and the tags say about a run. */
export function runState(
  runId: string,
  tags: Tags,
  known: {
    readonly owner: OwnerFile | null;
    readonly alive: boolean;
    readonly self: string;
    readonly now: number;
  },
): RunState {
  if (known.owner !== null) return known.alive ? 'alive' : known.owner.isKept === true ? 'kept' : 'dead';
  const start = startOf(runId);
  if (start === null || tags[TAG.owner] !== known.self) return 'unknown';
  return known.now - start.getTime() > UNKNOWN_GRACE_MS ? 'dead' : 'unknown';
}

/**
 * Stops what a dead run left running (a packer whose command line was killed): first asking, so that it removes its own
 * things.
 */
async function stopChildren(owner: OwnerFile): Promise<void> {
  for (const child of leftoverChildren(owner)) {
    const signal = (name: NodeJS.Signals): void => {
      try {
        process.kill(-child.pid, name);
      } catch {
        // Gone between the look and the signal.
      }
    };
    signal('SIGTERM');
    const isGone = (): true | null => (processStart(child.pid) === child.startTime ? null : true);
    await poll(isGone, { timeoutMs: CHILD_TERM_MS, intervalMs: 200 });
    signal('SIGKILL');
  }
}

async function sweepSelected(
  clients: AwsClients,
  leftovers: readonly Leftover[],
  options: { readonly reporter: Reporter; readonly dryRun: boolean },
): Promise<SweepResult> {
  if (options.dryRun) return { leftovers, removals: [] };
  const removals = await applyRemovals(clients, leftovers, (removal) => {
    const text = `${removal.kind} ${removal.id} of run ${removal.runId}: ${removal.outcome}`;
    if (removal.outcome === 'failed') {
      options.reporter.emit({ type: 'warning', code: 'SWEEP_FAILED', text: `${text}: ${removal.error ?? ''}` });
    } else {
      options.reporter.emit({ type: 'note', code: 'SWEPT', text });
    }
  });
  // The private half is of no use without the other.
  for (const { kind, runId, outcome } of removals)
    if (kind === 'key pair' && outcome === 'removed' && startOf(runId) !== null)
      await rm(keyFolder(runId), { recursive: true, force: true });
  return { leftovers, removals };
}

/** Removes everything of one run that is not a finished image, alive or not: for the run itself, when it ends badly. */
export async function sweepRun(
  clients: AwsClients,
  runId: string,
  options: { readonly reporter: Reporter; readonly dryRun?: boolean },
): Promise<SweepResult> {
  const inventory = await gatherInventory(clients, runId);
  const finished = new Set((await readOwner(runId))?.finished);
  const leftovers = selectLeftovers(inventory, (id) => (id === runId ? 'dead' : 'unknown'), finished);
  return sweepSelected(clients, leftovers, { reporter: options.reporter, dryRun: options.dryRun ?? false });
}

/**
 * Removes what runs that are no longer alive left in the region of the clients. Runs of other owners are not touched:
 * whether they are alive can only be told where they run.
 *
 * @param options.takesKept also what `--keep-on-failure` left: for a person who asks, not for a bake that begins
 */
export async function sweepDead(
  clients: AwsClients,
  options: { readonly reporter: Reporter; readonly dryRun?: boolean; readonly takesKept?: boolean },
): Promise<SweepResult> {
  const first = await gatherInventory(clients, null);
  const owners = new Map<string, OwnerFile | null>();
  const runIds = new Set(
    Object.values(first).flatMap((list: readonly { tags: Tags }[]) => list.map(({ tags }) => tags[TAG.runId] ?? '')),
  );
  for (const runId of runIds) owners.set(runId, startOf(runId) === null ? null : await readOwner(runId));
  const finished = new Set([...owners.values()].flatMap((owner) => owner?.finished ?? []));
  const self = ownerName();
  const now = Date.now();
  const stateOf = (runId: string, tags: Tags): RunState => {
    const owner = owners.get(runId) ?? null;
    const state = runState(runId, tags, { owner, alive: owner !== null && isAlive(owner), self, now });
    return state === 'kept' && options.takesKept === true ? 'dead' : state;
  };
  const dryRun = options.dryRun ?? false;
  const busy = [...owners.values()].filter(
    (owner) => owner !== null && !isAlive(owner) && leftoverChildren(owner).length > 0,
  );
  if (dryRun || busy.length === 0) {
    return sweepSelected(clients, selectLeftovers(first, stateOf, finished), { reporter: options.reporter, dryRun });
  }
  for (const owner of busy) if (owner) await stopChildren(owner);
  const second = await gatherInventory(clients, null);
  return sweepSelected(clients, selectLeftovers(second, stateOf, finished), { reporter: options.reporter, dryRun });
}
