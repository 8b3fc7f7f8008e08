import { sweepDead } from '../../run/sweep/sweep.ts';
import { quietly } from '../arguments.ts';
import { withConnection } from '../connect.ts';
import { printResult } from '../json.ts';
import { commonArguments, withSession } from '../session.ts';

/** `ecs-host sweep [--dry-run]`. */
export async function sweep(argv: Record<string, unknown>): Promise<number> {
  const args = commonArguments(argv);
  const dryRun = argv['dryRun'] === true;
  const result = await withSession(quietly(argv), (session) =>
    withConnection(session, args, ({ clients }) => sweepDead(clients, { reporter: session.reporter, dryRun })),
  );
  const failed = result.removals.filter((removal) => removal.outcome === 'failed').length;
  const count = result.leftovers.length;
  const summary =
    count === 0
      ? 'nothing is left behind'
      : dryRun
        ? `${count} left behind`
        : `${count - failed} removed, ${failed} failed`;
  printResult(args.json, result, [
    ...(dryRun ? result.leftovers.map((each) => `${each.kind} ${each.id} of run ${each.runId}`) : []),
    summary,
  ]);
  return failed > 0 ? 3 : 0;
}
