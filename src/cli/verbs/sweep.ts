import { pruneRuns } from '../../run/prune.ts';
import { type Overdue, stopOverdue } from '../../run/sweep/overdue.ts';
import { type SweepResult, sweepDead } from '../../run/sweep/sweep.ts';
import { quietly } from '../arguments.ts';
import { withConnection } from '../connect.ts';
import { printResult } from '../json.ts';
import { commonArguments, withSession } from '../session.ts';

function runLine(runs: readonly string[], done: string): string[] {
  return runs.length === 0 ? [] : [`${runs.length} old run ${runs.length === 1 ? 'folder' : 'folders'} ${done}`];
}

function listed({ leftovers }: SweepResult, overdue: readonly Overdue[], runs: readonly string[]): string[] {
  return [
    ...leftovers.map((each) => `${each.kind} ${each.id} of run ${each.runId}`),
    leftovers.length === 0 ? 'nothing is left behind' : `${leftovers.length} left behind`,
    ...overdue.map(
      ({ name, user, instanceId, expires }) =>
        `dev host ${name} of ${user} (${instanceId}) would be stopped: it was to stop at ${expires}`,
    ),
    ...runLine(runs, 'would be removed'),
  ];
}

function done({ leftovers }: SweepResult, failed: number, stopped: number, runs: readonly string[]): string[] {
  const count = leftovers.length;
  return [
    count === 0 ? 'nothing is left behind' : `${count - failed} removed, ${failed} failed`,
    ...(stopped === 0 ? [] : [`${stopped} overdue dev ${stopped === 1 ? 'host' : 'hosts'} stopped`]),
    ...runLine(runs, 'removed'),
  ];
}

/**
 * `ecs-host sweep [--dry-run]`: what dead runs left in the region, dev hosts that should have stopped by themselves,
 * and folders of old runs here.
 */
export async function sweep(argv: Record<string, unknown>): Promise<number> {
  const args = commonArguments(argv);
  const dryRun = argv['dryRun'] === true;
  const { swept, overdue, stopped, runs } = await withSession(quietly(argv), (session) =>
    withConnection(session, args, async ({ clients }) => {
      const { reporter } = session;
      const swept = await sweepDead(clients, { reporter, dryRun, takesKept: true });
      return {
        swept,
        ...(await stopOverdue(clients, { reporter, dryRun })),
        runs: await pruneRuns({ reporter, dryRun }),
      };
    }),
  );
  const failed = swept.removals.filter((removal) => removal.outcome === 'failed').length;
  const notStopped = stopped.filter(({ outcome }) => outcome === 'failed').length;
  const lines = dryRun ? listed(swept, overdue, runs) : done(swept, failed, stopped.length - notStopped, runs);
  printResult(args.json, { ...swept, overdue, stopped, runs }, lines);
  return failed + notStopped > 0 ? 3 : 0;
}
