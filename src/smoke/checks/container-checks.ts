import type { Ssh } from '../../host-access/ssh.ts';
import { allEnded } from '../../io/all-ended.ts';
import { shellQuote } from '../../io/shell-quote.ts';
import type { BuildPlan } from '../../plan/build-plan.ts';
import type { CheckBook } from './check-book.ts';

const BRIDGE = 'ecs-host-smoke';
/** bash's own TCP, because a small image has no HTTP client. A container that gets through says so. */
const PROBE = "timeout 3 bash -c 'exec 3<>/dev/tcp/169.254.169.254/80 && echo REACHED' 2>&1; true";
const FIRST_DOCKER_WITH_CDI = 25;

function probeCommand(image: string, network: string): string {
  return `docker run --rm --network ${network} --entrypoint /bin/bash ${shellQuote(image)} -c ${shellQuote(PROBE)}`;
}

function imageOf(plan: BuildPlan): string {
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

/** The GPU on the host and in a container; only for profiles that have one. */
export async function checkGpu(ssh: Ssh, plan: BuildPlan, book: CheckBook): Promise<void> {
  const wanted = plan.target.nvidia?.driverVersion ?? '';
  const host = await ssh.run('nvidia-smi --query-gpu=driver_version --format=csv,noheader');
  const found = host.stdout.trim().split('\n')[0] ?? '';
  book.record('gpu.driver', {
    actual: host.exitCode === 0 ? found : `nvidia-smi: exit code ${host.exitCode}`,
    isCorrect: host.exitCode === 0 && found === wanted,
    reason: `the plan names ${wanted}`,
  });
  const seen = async (id: string, options: string): Promise<void> => {
    const inside = await ssh.run(
      `docker run --rm ${options} -e NVIDIA_DRIVER_CAPABILITIES=utility --entrypoint nvidia-smi ${shellQuote(imageOf(plan))} -L`,
    );
    const gpus = inside.stdout.split('\n').filter((line) => line.startsWith('GPU ')).length;
    book.record(id, {
      actual: `${gpus} GPU(s)`,
      isCorrect: inside.exitCode === 0 && gpus > 0,
      ...(inside.exitCode === 0 ? {} : { reason: inside.stderr }),
    });
  };
  // The agent's way, a developer's, and the one that Docker itself has.
  await seen('gpu.container', '--runtime nvidia -e NVIDIA_VISIBLE_DEVICES=all');
  await seen('gpu.gpus-all', '--gpus all');
  const docker = (await ssh.run("docker version --format '{{.Server.Version}}'")).stdout.trim();
  if (Number.parseInt(docker, 10) < FIRST_DOCKER_WITH_CDI)
    book.skip('gpu.cdi', `Docker ${docker} has no CDI; it came with ${FIRST_DOCKER_WITH_CDI}`);
  else await seen('gpu.cdi', '--device nvidia.com/gpu=all');
}
