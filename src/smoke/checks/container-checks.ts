import type { Ssh } from '../../host-access/ssh.ts';
import { allEnded } from '../../io/all-ended.ts';
import { shellQuote } from '../../io/shell-quote.ts';
import type { BuildPlan } from '../../plan/build-plan.ts';
import type { CheckBook } from './check-book.ts';

const BRIDGE = 'ecs-host-smoke';
/** bash's own TCP, because a small image has no HTTP client. A container that gets through says so. */
const PROBE = "timeout 3 bash -c 'exec 3<>/dev/tcp/169.254.169.254/80 && echo REACHED' 2>&1; true";

function probeCommand(image: string, network: string): string {
  return `docker run --rm --network ${network} --entrypoint /bin/bash ${shellQuote(image)} -c ${shellQuote(PROBE)}`;
}

/** What the workload's scripts built. */
export function imageOf(plan: BuildPlan): string {
  return `fractal/${plan.developerWorkload.app}:current-build`;
}

/** Containers on both kinds of bridge must not get at the metadata service. Needs the built image. */
export async function checkContainerMetadata(ssh: Ssh, plan: BuildPlan, book: CheckBook): Promise<void> {
  const look = async (id: string, network: string): Promise<void> => {
    const { exitCode, stdout, stderr } = await ssh.run(probeCommand(imageOf(plan), network));
    // A container that never ran was not blocked by anything.
    if (exitCode !== 0) throw new Error(`the probe container did not run: ${stderr.trim()}`);
    const isReached = stdout.includes('REACHED');
    book.record(id, { actual: isReached ? 'reached' : 'blocked', isCorrect: !isReached });
  };
  const onOwnBridge = async (): Promise<void> => {
    await ssh.run(`docker network create ${BRIDGE}`);
    try {
      await look('imds.user-bridge-blocked', BRIDGE);
    } finally {
      await ssh.run(`docker network rm ${BRIDGE}`).catch(() => undefined);
    }
  };
  // A blocked probe waits for its time-out, so both wait at once.
  await allEnded([look('imds.docker0-blocked', 'bridge'), onOwnBridge()]);
}
