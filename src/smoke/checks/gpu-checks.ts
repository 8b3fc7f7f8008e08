import type { Ssh } from '../../host-access/ssh.ts';
import { shellQuote } from '../../io/shell-quote.ts';
import type { BuildPlan } from '../../plan/build-plan.ts';
import { gpusOf } from '../../plan/gpus-of.ts';
import type { CheckBook } from './check-book.ts';
import { imageOf } from './container-checks.ts';

const CONTAINER = 'ecs-host-smoke-gpu';
const FIRST_DOCKER_WITH_CDI = 25;

/** What `checkGpu` answers. */
export const OF_THE_GPU = [
  ...['gpu.driver', 'gpu.model', 'gpu.container', 'gpu.gpus-all', 'gpu.cdi'],
  ...['gpu.after-reload', 'gpu.encoder'],
];

/**
 * Pure: whether nvidia-smi's name is of the GPU that EC2 calls so. It says more: `Tesla M60`, `NVIDIA A10G`.
 *
 * @param said `NVIDIA L40S`, which is no L4
 */
export function isModel(said: string, name: string): boolean {
  const words = said.toLowerCase().split(/\s+/);
  return name
    .toLowerCase()
    .split(' ')
    .every((word) => words.includes(word));
}

type Looks = { readonly ssh: Ssh; readonly plan: BuildPlan; readonly book: CheckBook };

/** @returns lines on stdout; what failed in their place, in words */
async function linesOf(
  ssh: Ssh,
  command: string,
): Promise<{ readonly lines: string[]; readonly failure: string | null }> {
  const { exitCode, stdout, stderr } = await ssh.run(command);
  const lines = stdout.split('\n').filter((line) => line.trim() !== '');
  return { lines, failure: exitCode === 0 ? null : `exit code ${exitCode}: ${stderr.trim()}` };
}

function query(field: string): string {
  return `nvidia-smi --query-gpu=${field} --format=csv,noheader`;
}

async function checkDriver({ ssh, plan, book }: Looks): Promise<void> {
  const wanted = plan.target.nvidia?.driverVersion ?? '';
  const { lines, failure } = await linesOf(ssh, query('driver_version'));
  const found = lines[0] ?? '';
  book.record('gpu.driver', {
    actual: failure === null ? found : `nvidia-smi: ${failure}`,
    isCorrect: failure === null && found === wanted,
    reason: `the plan names ${wanted}`,
  });
}

async function checkModel({ ssh, plan, book }: Looks): Promise<void> {
  const known = gpusOf(plan);
  if (known.length === 0) {
    book.skip('gpu.model', `what GPU ${plan.instanceTypes.join(', ')} has is not known here`);
    return;
  }
  const { lines, failure } = await linesOf(ssh, query('name'));
  const isOf = ({ name, count }: (typeof known)[number]): boolean =>
    lines.length === count && lines.every((line) => isModel(line, name));
  book.record('gpu.model', {
    actual: failure ?? lines.join(', '),
    isCorrect: failure === null && known.some(isOf),
    reason: `${plan.instanceTypes.join(', ')} has ${known.map(({ name, count }) => `${count} ${name}`).join(' or ')}`,
  });
}

async function record({ ssh, book }: Looks, id: string, command: string): Promise<void> {
  const { lines, failure } = await linesOf(ssh, command);
  const gpus = lines.filter((line) => line.startsWith('GPU ')).length;
  book.record(id, {
    actual: `${gpus} GPU(s)`,
    isCorrect: failure === null && gpus > 0,
    ...(failure === null ? {} : { reason: failure }),
  });
}

function inContainer(plan: BuildPlan, options: string): string {
  const more = '-e NVIDIA_DRIVER_CAPABILITIES=utility --entrypoint nvidia-smi';
  return `docker run --rm ${options} ${more} ${shellQuote(imageOf(plan))} -L`;
}

/** The agent's way, a developer's, and the one that Docker itself has. */
async function checkWays(looks: Looks): Promise<void> {
  const { ssh, plan, book } = looks;
  const seen = (id: string, options: string): Promise<void> => record(looks, id, inContainer(plan, options));
  await seen('gpu.container', '--runtime nvidia -e NVIDIA_VISIBLE_DEVICES=all');
  await seen('gpu.gpus-all', '--gpus all');
  const docker = (await ssh.run("docker version --format '{{.Server.Version}}'")).stdout.trim();
  if (Number.parseInt(docker, 10) < FIRST_DOCKER_WITH_CDI)
    book.skip('gpu.cdi', `Docker ${docker} has no CDI; it came with ${FIRST_DOCKER_WITH_CDI}`);
  else await seen('gpu.cdi', '--device nvidia.com/gpu=all');
}

/** systemd gives containers their devices anew when it reads its units; without links in /dev/char it takes the GPU. */
async function checkReload(looks: Looks): Promise<void> {
  const { ssh, plan } = looks;
  const options = `--detach --rm --gpus all --name ${CONTAINER} -e NVIDIA_DRIVER_CAPABILITIES=utility`;
  const started = await ssh.run(`docker run ${options} --entrypoint sleep ${shellQuote(imageOf(plan))} 300`);
  if (started.exitCode !== 0) throw new Error(`the container did not start: ${started.stderr.trim()}`);
  try {
    await ssh.run('sudo systemctl daemon-reload');
    await record(looks, 'gpu.after-reload', `docker exec ${CONTAINER} nvidia-smi -L`);
  } finally {
    await ssh.run(`docker rm --force ${CONTAINER}`).catch(() => undefined);
  }
}

/** The library by which programs in a container encode; a simulated GPU has nothing that it could be for. */
async function checkEncoder({ ssh, plan, book }: Looks): Promise<void> {
  if (plan.substitutions.some(({ component }) => component === 'nvidia-driver')) {
    book.skip('gpu.encoder', 'the GPU is simulated: it has no encoder');
    return;
  }
  const find = "find / -xdev -name 'libnvidia-encode.so.*' -print -quit";
  const options = '--rm --gpus all -e NVIDIA_DRIVER_CAPABILITIES=video,utility --entrypoint sh';
  const { lines, failure } = await linesOf(
    ssh,
    `docker run ${options} ${shellQuote(imageOf(plan))} -c ${shellQuote(find)}`,
  );
  book.record('gpu.encoder', {
    actual: failure ?? lines[0] ?? 'none',
    isCorrect: failure === null && lines.length > 0,
  });
}

/** The GPU on the host and in containers; only for profiles that have one. Needs the built image. */
export async function checkGpu(ssh: Ssh, plan: BuildPlan, book: CheckBook): Promise<void> {
  const looks = { ssh, plan, book };
  await checkDriver(looks);
  await checkModel(looks);
  await checkWays(looks);
  await checkReload(looks);
  await checkEncoder(looks);
}

/** Ends every container of the host, so it comes when nothing else is looked at any more. */
export async function checkGpuAfterRestart(ssh: Ssh, plan: BuildPlan, book: CheckBook): Promise<void> {
  const restarted = await ssh.run('sudo systemctl restart docker');
  if (restarted.exitCode !== 0) throw new Error(`Docker did not start again: ${restarted.stderr.trim()}`);
  await record({ ssh, plan, book }, 'gpu.after-restart', inContainer(plan, '--gpus all'));
}
