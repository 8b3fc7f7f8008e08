import type { Ssh } from '../host-access/ssh.ts';
import { userError } from '../io/errors.ts';
import type { SpanHandle } from '../io/reporter.ts';
import { runStep, type Step, type Workload } from './commands.ts';
import { follow, stepFailed } from './follow.ts';

/**
 * The container that shows the workload. The script that runs it gives it a name of its own, so the ids of those that
 * it started are written down on the host: none but these is ever stopped.
 */
const RECORD_FOLDER = '.local/state/ecs-host';
const RECORD = `${RECORD_FOLDER}/stream-container`;
const LIST = "docker ps --no-trunc --format '{{.ID}}\t{{.Names}}\t{{.Ports}}'";

export type Container = { readonly id: string; readonly name: string };

/** `0.0.0.0:32262-32263->32262-32263/tcp` as ports of the host. */
function* portsIn(text: string): Generator<string> {
  for (const [, from = '', to = from, protocol = ''] of text.matchAll(/:(\d+)(?:-(\d+))?->[\d-]+\/(tcp|udp)/g))
    for (let port = Number(from); port <= Number(to); port += 1) yield `${port}/${protocol}`;
}

/** Pure: the running containers that have one of the ports, from what `docker ps` lists. */
export function holdersIn(list: string, { discoveryTcp, streamUdp, streamTcp }: Workload['ports']): Container[] {
  const wanted = new Set([`${discoveryTcp}/tcp`, `${streamUdp}/udp`, `${streamTcp}/tcp`]);
  return list.split('\n').flatMap((line) => {
    const [id = '', name = '', ports = ''] = line.split('\t');
    return [...portsIn(ports)].some((port) => wanted.has(port)) ? [{ id, name }] : [];
  });
}

async function holders(ssh: Ssh, ports: Workload['ports']): Promise<Container[]> {
  const listed = await ssh.run(LIST);
  if (listed.exitCode !== 0) throw stepFailed('docker ps', listed);
  return holdersIn(listed.stdout, ports);
}

/** The ids of the containers that were started here last. */
async function recorded(ssh: Ssh): Promise<Set<string>> {
  const { stdout } = await ssh.run(`cat ${RECORD} 2>/dev/null`);
  return new Set(stdout.split('\n').filter((line) => /^[0-9a-f]{64}$/.test(line)));
}

/**
 * Looks whether the ports are free, or had by the container that was started here.
 *
 * @returns that container, or null
 * @throws EcsHostError (user) `STREAM_PORTS_TAKEN` when somebody else's has one
 */
export async function findOwn(ssh: Ssh, ports: Workload['ports']): Promise<Container | null> {
  const own = await recorded(ssh);
  const found = await holders(ssh, ports);
  const others = found.filter(({ id }) => !own.has(id));
  if (others.length > 0)
    throw userError(
      'STREAM_PORTS_TAKEN',
      `On the host ${others.map(({ name }) => name).join(' and ')} has ports of the stream, and was not started by \`dev-host stream\`.`,
      `if nobody needs it: \`docker rm --force ${others.map(({ name }) => name).join(' ')}\` on the host`,
    );
  return found[0] ?? null;
}

/** Pure: the step that writes down what it started in the same shell, also when the connection breaks meanwhile. */
export function recordingStep(workload: Workload): Step {
  const { id, command, timeoutMs } = runStep(workload);
  const running = 'docker ps --no-trunc --quiet';
  const script = [
    `mkdir -p ${RECORD_FOLDER}`,
    `before=$(${running})`,
    // In a shell of its own: the command goes to the folder of the repository.
    `said=$(${command}); code=$?`,
    `${running} | grep -vxF "$before" >${RECORD}.new; mv ${RECORD}.new ${RECORD}`,
    `printf '%s\\n' "$said"; exit $code`,
  ];
  return { id, command: script.join('\n'), timeoutMs };
}

/**
 * Runs the image; an older container of ours makes room first.
 *
 * @returns the container, and what the script printed
 * @throws EcsHostError (user) `STREAM_PORTS_TAKEN`; (outside) `WORKLOAD_FAILED`
 */
export async function runContainer(
  ssh: Ssh,
  workload: Workload,
  span: SpanHandle,
): Promise<{ readonly container: Container; readonly stdout: string }> {
  const older = await findOwn(ssh, workload.ports);
  if (older !== null) {
    const removed = await ssh.run(`docker rm --force ${older.id}`);
    if (removed.exitCode !== 0) throw stepFailed(`stopping ${older.name}`, removed);
  }
  const ran = await follow(ssh, recordingStep(workload), span);
  if (ran.exitCode !== 0) throw stepFailed('run_container_image.sh', ran);
  const container = await findOwn(ssh, workload.ports);
  if (container === null) throw stepFailed('run_container_image.sh, whose container has none of the ports,', ran);
  return { container, stdout: ran.stdout };
}
