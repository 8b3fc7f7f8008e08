import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { AuthorizeSecurityGroupIngressCommand } from '@aws-sdk/client-ec2';
import type { HostState } from '#contracts/host-service.ts';
import { bootCs } from '../../hostd/gate.ts';
import { type AwsClients, createClients } from '../../src/aws/clients.ts';
import { waitForAddress } from '../../src/aws/instances.ts';
import { connectSsh, type Ssh } from '../../src/host-access/ssh.ts';
import { findIdentityCertificates } from '../../src/lab-client/identity-certificates.ts';
import type { BuildPlan } from '../../src/plan/build-plan.ts';
import { claimRun } from '../../src/run/owner.ts';
import {
  createCluster,
  createKeyPair,
  createSshGroup,
  type LaunchInput,
  launchInstances,
} from '../../src/smoke/launch.ts';
import { readHostState } from '../../src/smoke/remote-facts.ts';
import { renderUserData } from '../../src/user-data/render.ts';
import { type Decision, startWebserver, type Webserver } from '../../webserver/server.ts';
import { makeSelfSigned } from '../../webserver/tls.ts';
import type { LabHandle } from './lab-handle.ts';
import { cli, events } from './support.ts';

const WEBSERVER_PORT = 8443;
const LAB = { accessKeyId: 'lab', secretAccessKey: 'lab' };

/** Bakes an image in a lab, without proving it. */
export async function bakeImage(
  lab: LabHandle,
  args: readonly string[] = [],
  signal: AbortSignal = new AbortController().signal,
): Promise<{ imageId: string; plan: BuildPlan }> {
  const run = await cli(['bake', '--json', ...args], lab.environment, { signal });
  signal.throwIfAborted();
  const result = events(run).at(-1);
  if (run.exitCode !== 0 || typeof result?.['record'] !== 'string') throw new Error(run.all.slice(-3000));
  const record = JSON.parse(await readFile(result['record'], 'utf8')) as { imageId: string; runId: string };
  const plan = await readFile(join(lab.stateFolder, 'runs', record.runId, 'render', 'plan.json'), 'utf8');
  return { imageId: record.imageId, plan: JSON.parse(plan) as BuildPlan };
}

/**
 * What a handshake was answered with, when it came (hundredths of a second of CLOCK_BOOTTIME, which machines of the lab
 * share), and after which delay.
 */
export type Decided = { readonly kind: Decision['kind']; readonly atCs: number; readonly delayMs: number };

function answerOf(decision: Decision, delayMs = 0): Omit<Decided, 'atCs'> {
  return decision.kind === 'delay'
    ? answerOf(decision.afterwards, delayMs + decision.delayMs)
    : { kind: decision.kind, delayMs };
}

export type BootedHost = AsyncDisposable & {
  readonly instanceId: string;
  readonly address: string;
  readonly cluster: string;
  readonly clients: AwsClients;
  readonly webserver: Webserver;
  /** Its certificate, which vouches for itself. */
  readonly webserverCa: string;
  decide(decision: Decision): void;
  /** All handshakes so far, noted before their answers go out. */
  readonly decided: readonly Decided[];
  /**
   * What an operator does who takes an order (drain, revoke) of the webserver back: on the webserver, and on the
   * host.
   */
  takeBack(): Promise<void>;
  /** A shell command as the login user; throws when it fails. */
  run(command: string, timeoutMs?: number): Promise<string>;
  /** Exit code and all output of one that may fail. */
  try(command: string, timeoutMs?: number): Promise<{ exitCode: number; output: string }>;
  state(): Promise<HostState | null>;
  reach(phase: HostState['phase'], timeoutMs?: number): Promise<HostState>;
  /** `docker.service docker.socket containerd.service ecs.service`, each with its state. */
  units(): Promise<string>;
  /** After a reboot: ssh and the way to the webserver again. */
  reconnect(): Promise<void>;
};

/**
 * Boots one machine of an image, with a webserver of ours that it reaches through its ssh connection. Once the signal
 * has aborted, commands on it throw; it can still be released.
 */
export async function bootHost(
  lab: LabHandle,
  { imageId, plan }: { imageId: string; plan: BuildPlan },
  options: {
    ecs?: Record<string, string>;
    drainSeconds?: number;
    powerOffSeconds?: number;
    signal?: AbortSignal;
    /** Of a machine that may take longer: to let one in, and for a command. */
    patienceMs?: number;
  } = {},
): Promise<BootedHost> {
  const runId = `r-test-${process.pid}-${Math.random().toString(36).slice(2, 8)}`;
  process.env['ECS_HOST_STATE'] = lab.stateFolder;
  await claimRun(runId);
  const { signal = new AbortController().signal } = options;
  await using undo = new AsyncDisposableStack();
  const clients = createClients({ apiRegion: plan.apiRegion, endpointUrl: lab.endpoint }, LAB);
  undo.defer(() => clients.destroy());
  const launch: LaunchInput = { plan, imageId, runId, clients, signal };
  const tls = await makeSelfSigned('127.0.0.1');
  let decision: Decision = { kind: 'error', status: 503 };
  const decided: Decided[] = [];
  const webserver = await startWebserver({
    address: '127.0.0.1',
    port: 0,
    tls,
    policy: {
      ...(await findIdentityCertificates(lab.endpoint)),
      accountIds: null,
      regions: [plan.apiRegion],
      imageIds: [imageId],
    },
    decide: () => {
      decided.push({ ...answerOf(decision), atCs: bootCs() });
      return decision;
    },
  });
  undo.defer(() => webserver.close());
  const key = await createKeyPair(launch, join(lab.stateFolder, 'runs', runId, 'ssh'));
  undo.defer(key.release);
  const group = await createSshGroup(launch);
  undo.defer(group.release);
  await clients.ec2.send(
    new AuthorizeSecurityGroupIngressCommand({
      GroupId: group.groupId,
      IpPermissions: [{ IpProtocol: 'tcp', FromPort: 4678, ToPort: 4678, IpRanges: [{ CidrIp: '10.0.0.0/8' }] }],
    }),
  );
  const cluster = await createCluster(launch);
  undo.defer(cluster.release);
  const userData = renderUserData({
    cluster: cluster.cluster,
    host: {
      version: 1,
      webserverUrl: `https://127.0.0.1:${WEBSERVER_PORT}`,
      webserverCa: tls.cert,
      environment: 'test',
      drainSeconds: options.drainSeconds ?? 5,
      powerOffSeconds: options.powerOffSeconds ?? null,
    },
    ecs: { ...(plan.ecsAgentEndpoint === null ? {} : { ECS_BACKEND_HOST: plan.ecsAgentEndpoint }), ...options.ecs },
  });
  const [placement] = plan.placements;
  if (placement === undefined) throw new Error('the plan has no placement');
  const launched = await launchInstances(launch, {
    count: 1,
    keyName: key.keyName,
    groupIds: [group.groupId],
    userData,
    placement,
  });
  undo.defer(launched.release);
  const instanceId = launched.instanceIds[0] ?? '';
  const address = await waitForAddress(clients, instanceId, signal);
  let ssh: Ssh | null = null;
  const connect = async (): Promise<void> => {
    await ssh?.[Symbol.asyncDispose]();
    ssh = await connectSsh(
      {
        instanceId,
        address,
        user: plan.network.sshUser,
        keyFile: key.keyFile,
        transport: plan.network.transport,
        apiRegion: plan.apiRegion,
        endpointUrl: lab.endpoint,
      },
      { timeoutMs: options.patienceMs ?? 90_000, signal },
    );
    await ssh.forwardToHere(WEBSERVER_PORT, webserver.port);
  };
  undo.defer(async () => ssh?.[Symbol.asyncDispose]());
  await connect();
  const tryRun = async (
    command: string,
    timeoutMs = options.patienceMs ?? 60_000,
  ): Promise<{ exitCode: number; output: string }> => {
    const { exitCode, stdout, stderr } = await (ssh as Ssh).run(command, { timeoutMs });
    return { exitCode, output: `${stdout}${stderr}`.trim() };
  };
  const release = undo.move();
  const state = (): Promise<HostState | null> => readHostState(ssh as Ssh);
  return {
    instanceId,
    address,
    cluster: cluster.cluster,
    clients,
    webserver,
    webserverCa: tls.cert,
    decide: (next) => {
      decision = next;
    },
    decided,
    takeBack: async () => {
      webserver.serve(instanceId);
      webserver.trust(instanceId);
      const { exitCode, output } = await tryRun('sudo systemctl reload ecs-host');
      if (exitCode !== 0) throw new Error(output);
    },
    try: tryRun,
    run: async (command, timeoutMs) => {
      const { exitCode, output } = await tryRun(command, timeoutMs);
      if (exitCode !== 0) throw new Error(`${command}: exit code ${exitCode}\n${output}`);
      return output;
    },
    state,
    reach: async (phase, timeoutMs = options.patienceMs ?? 60_000) => {
      const until = Date.now() + timeoutMs;
      for (;;) {
        const found = await state();
        if (found?.phase === phase) return found;
        if (Date.now() > until) {
          const journal = await tryRun('sudo journalctl -u ecs-host --no-pager -n 30 -o cat');
          throw new Error(`${phase} was not reached: ${JSON.stringify(found)}\n${journal.output}`);
        }
        // Each look costs a slow machine a second of its time.
        await sleep(options.patienceMs === undefined ? 200 : 3000);
      }
    },
    units: async () => {
      // An agent that was slow to go, or was stopped while it began, is failed for systemd; it is down like any other.
      const { output } = await tryRun(`case "$(systemctl show --property Result --value ecs.service)" in
          timeout | signal) sudo systemctl reset-failed ecs.service ;;
        esac
        systemctl is-active docker.service docker.socket containerd.service ecs.service`);
      return output.split('\n').join(' ');
    },
    reconnect: connect,
    [Symbol.asyncDispose]: () => release.disposeAsync(),
  };
}
