import { join } from 'node:path';
import { HOST_FOLDER, HOST_NODE, onHost } from '#contracts/host-paths.ts';
import { type ProvisionEvent, provisionEventOf } from '#contracts/provision-event.ts';
import { NODE_FILE } from '../bundle/bundle.ts';
import { carryFile } from '../host-access/carry-file.ts';
import type { Ssh } from '../host-access/ssh.ts';
import { outsideError } from '../io/errors.ts';
import type { SpanHandle } from '../io/reporter.ts';
import { oneLine } from '../io/text.ts';
import { extractLine, FIRST_BOOT_IS_OVER, UPLOAD_PATH } from '../plan/provisioning.ts';
import type { Carried } from './carry.ts';

const MINUTE_MS = 60_000;
/** A driver compiles for ten minutes on four processors. */
const SET_UP_LIMIT_MS = 40 * MINUTE_MS;
const BOOT_LIMIT_MS = 10 * MINUTE_MS;

const NODE = '/tmp/ecs-host-node.gz';

/** Runs a script as root that ends at its first failure. */
async function asRoot(ssh: Ssh, lines: readonly string[], limitMs: number, onLine?: (line: string) => void) {
  return ssh.run('sudo sh -eu', {
    input: `${lines.join('\n')}\n`,
    timeoutMs: limitMs,
    ...(onLine === undefined ? {} : { onLine }),
  });
}

async function mustRun(ssh: Ssh, what: string, lines: readonly string[], limitMs: number): Promise<void> {
  const { exitCode, stdout, stderr } = await asRoot(ssh, lines, limitMs);
  if (exitCode !== 0) throw failed(ssh, `${what} ended with exit code ${exitCode}`, `${stdout}${stderr}`);
}

function failed(ssh: Ssh, what: string, output: string): Error {
  return outsideError(
    'DEV_HOST_FAILED',
    `${ssh.target.instanceId} was not made ready: ${what}.`,
    undefined,
    output.trim().split('\n').slice(-40).join('\n'),
  );
}

async function upload(ssh: Ssh, file: string, path: string): Promise<void> {
  await carryFile(ssh, { file, command: `cat >${path}`, pieces: path }, async (over, command, options) => {
    const { exitCode, stderr } = await over.run(command, options);
    if (exitCode !== 0) throw failed(ssh, `${path} could not be written`, stderr);
  });
}

/** Waits for the end of the machine's own first boot. */
export async function waitForBoot(ssh: Ssh): Promise<void> {
  await mustRun(ssh, 'cloud-init', [FIRST_BOOT_IS_OVER], BOOT_LIMIT_MS);
}

/** An image of ours has the Node that it was baked with; most of what is carried is left out where it is the same. */
async function hasNode(ssh: Ssh, version: string): Promise<boolean> {
  const { exitCode, stdout } = await ssh.run(`${HOST_NODE} --version`);
  return exitCode === 0 && stdout.trim() === `v${version}`;
}

/** Brings the provisioners to the host, with what they install. */
export async function carryTo(ssh: Ssh, { bundleFile, folder, nodeVersion }: Carried): Promise<void> {
  const needsNode = !(await hasNode(ssh, nodeVersion));
  await upload(ssh, bundleFile, UPLOAD_PATH);
  if (needsNode) await upload(ssh, join(folder, NODE_FILE), NODE);
  await mustRun(
    ssh,
    'unpacking',
    [
      `install -d -m 0755 ${HOST_FOLDER} ${HOST_FOLDER}/bin ${HOST_FOLDER}/rootfs`,
      extractLine(UPLOAD_PATH, HOST_FOLDER),
      ...(needsNode ? [`gunzip --stdout ${NODE} >${HOST_NODE}.new`, `chmod 0755 ${HOST_NODE}.new`] : []),
      ...(needsNode ? [`mv ${HOST_NODE}.new ${HOST_NODE}`] : []),
      extractLine(`${HOST_FOLDER}/rootfs.tar`, `${HOST_FOLDER}/rootfs`),
      `rm -f ${UPLOAD_PATH} ${NODE}`,
    ],
    5 * MINUTE_MS,
  );
}

/** Steps and failures, from what the provisioners print. */
class Follower {
  readonly #span: SpanHandle;
  #open: ReturnType<SpanHandle['child']> | null = null;
  readonly #tail: string[] = [];
  #problem: string | null = null;

  constructor(span: SpanHandle) {
    this.#span = span;
  }

  get problem(): string | null {
    return this.#problem;
  }

  get tail(): string {
    return this.#tail.slice(-40).join('\n');
  }

  take(line: string): void {
    const event = provisionEventOf(line);
    if (event !== null) this.#takeEvent(event);
    else if (line.trim() !== '') {
      this.#tail.push(oneLine(line));
      this.#open?.progress(oneLine(line));
    }
  }

  #takeEvent(event: ProvisionEvent): void {
    if (event.type === 'provisioner-start') this.#open = this.#span.child(event.provisioner);
    else if (event.type === 'step-start') this.#open?.progress(event.step);
    else if (event.type === 'step-end' && event.outcome === 'failed')
      this.#problem ??= `${event.provisioner}: ${event.step}: ${event.error ?? 'no reason was given'}`;
    else if (event.type === 'check' && event.check.verdict !== 'correct' && event.check.verdict !== 'skipped')
      this.#problem ??= `${event.check.title}: expected ${event.check.expected}, found ${event.check.actual}`;
    else if (event.type === 'provisioner-end') {
      this.#open?.end(event.outcome);
      this.#open = null;
    }
  }
}

/**
 * Applies the provisioners; the last of them, `verify`, looks at what they did.
 *
 * @throws EcsHostError `DEV_HOST_FAILED` (outside) with the step, and the end of what was printed
 */
export async function provision(ssh: Ssh, names: readonly string[], span: SpanHandle): Promise<void> {
  const follower = new Follower(span);
  const { exitCode } = await asRoot(
    ssh,
    [`${HOST_NODE} ${onHost('provisioners/main.mjs')} bake ${names.join(' ')} 2>&1`],
    SET_UP_LIMIT_MS,
    (line) => follower.take(line),
  );
  if (exitCode !== 0) throw failed(ssh, follower.problem ?? `exit code ${exitCode}`, follower.tail);
}
