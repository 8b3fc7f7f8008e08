import { pruneRuns } from '../../run/prune.ts';
import { type SweepResult, sweepDead } from '../../run/sweep/sweep.ts';
import { quietly } from '../arguments.ts';
import { withConnection } from '../connect.ts';
import { printResult } from '../json.ts';
import { commonArguments, withSession } from '../session.ts';

function runLine(runs: readonly string[], done: string): string[] {
  return runs.length === 0 ? [] : [`${runs.length} old run ${runs.length === 1 ? 'folder' : 'folders'} ${done}`];
}

function listed({ leftovers }: SweepResult, runs: readonly string[]): string[] {
  return [
    ...leftovers.map((each) => `${each.kind} ${each.id} of run ${each.runId}`),
    leftovers.length === 0 ? 'nothing is left behind' : `${leftovers.length} left behind`,
    ...runLine(runs, 'would be removed'),
  ];
}

function done({ leftovers }: SweepResult, failed: number, runs: readonly string[]): string[] {
  const count = leftovers.length;
  return [
    count === 0 ? 'nothing is left behind' : `${count - failed} removed, ${failed} failed`,
    ...runLine(runs, 'removed'),
  ];
}

/** `ecs-host sweep [--dry-run]`: what dead runs left in the region, and folders of old runs here. */
export async function sweep(argv: Record<string, unknown>): Promise<number> {
  const args = commonArguments(argv);
  const dryRun = argv['dryRun'] === true;
  const { swept, runs } = await withSession(quietly(argv), (session) =>
    withConnection(session, args, async ({ clients }) => {
      const { reporter } = session;
      const swept = await sweepDead(clients, { reporter, dryRun, takesKept: true });
      return { swept, runs: await pruneRuns({ reporter, dryRun }) };
    }),
  );
  const failed = swept.removals.filter((removal) => removal.outcome === 'failed').length;
  printResult(args.json, { ...swept, runs }, dryRun ? listed(swept, runs) : done(swept, failed, runs));
  return failed > 0 ? 3 : 0;
}
