import { randomUUID } from 'node:crypto';
import { DiscoverPollEndpointCommand, ECSClient, RegisterContainerInstanceCommand } from '@aws-sdk/client-ecs';
import type { Identity } from './checkpoint.ts';
import type { DockerFacts } from './docker-probe.ts';
import type { Gpus } from './gpu.ts';
import type { Instance } from './instance.ts';
import type { Settings } from './settings.ts';

/** Ends the agent for good: the unit must not start it again. */
export class Terminal extends Error {}

type Attribute = { readonly name: string; readonly value?: string };

/** What this agent says it can do. The real one says more of the same kind. */
export function attributesOf(settings: Settings, docker: DockerFacts, gpus: Gpus | null): Attribute[] {
  return [
    { name: 'ecs.os-type', value: 'linux' },
    { name: 'ecs.cpu-architecture', value: 'x86_64' },
    { name: 'ecs.lab-stand-in', value: 'true' },
    { name: 'ecs.docker-version', value: docker.version },
    ...settings.loggingDrivers.map((driver) => ({ name: `com.amazonaws.ecs.capability.logging-driver.${driver}` })),
    ...settings.volumeCapabilities.map((name) => ({ name: `ecs.capability.${name}` })),
    ...(gpus === null
      ? []
      : [
          { name: `ecs.capability.nvidia-driver-version.${gpus.driverVersion}` },
          { name: 'ecs.capability.gpu-driver-version', value: gpus.driverVersion },
        ]),
    ...Object.entries(settings.instanceAttributes).map(([name, value]) => ({ name, value })),
  ];
}

/** Terminal unless every attribute that has a value came back with it, as the real agent has it. */
export function assertEchoed(
  sent: readonly Attribute[],
  received: readonly { name?: string | undefined; value?: string | undefined }[],
): void {
  for (const { name, value } of sent) {
    if (value !== undefined && !received.some((each) => each.name === name && each.value === value)) {
      throw new Terminal(`attribute validation failed: ${name} did not come back`);
    }
  }
}

export function createEcsClient(settings: Settings, instance: Instance): ECSClient {
  return new ECSClient({
    region: instance.region,
    credentials: instance.credentials,
    maxAttempts: 3,
    ...(settings.backend === null ? {} : { endpoint: settings.backend }),
  });
}

/** @throws Terminal on answers that asking again cannot change */
export async function register(
  client: ECSClient,
  parts: { settings: Settings; instance: Instance; docker: DockerFacts; gpus: Gpus | null; known: Identity | null },
): Promise<Identity> {
  const { settings, instance, docker, gpus, known } = parts;
  if (known && known.cluster !== settings.cluster) {
    throw new Terminal(`this data folder belongs to cluster ${known.cluster}, not ${settings.cluster}`);
  }
  const clientToken = randomUUID();
  const attributes = attributesOf(settings, docker, gpus);
  try {
    const answer = await client.send(
      new RegisterContainerInstanceCommand({
        cluster: settings.cluster,
        attributes,
        instanceIdentityDocument: instance.document,
        instanceIdentityDocumentSignature: instance.signature,
        totalResources: [
          { name: 'CPU', type: 'INTEGER', integerValue: docker.cpus * 1024 },
          { name: 'MEMORY', type: 'INTEGER', integerValue: docker.memoryMiB - settings.reservedMemoryMiB },
          { name: 'PORTS', type: 'STRINGSET', stringSetValue: ['22', '2375', '2376', '51678', '51679'] },
          { name: 'PORTS_UDP', type: 'STRINGSET', stringSetValue: [] },
        ],
        ...(gpus === null ? {} : { platformDevices: gpus.ids.map((id) => ({ id, type: 'GPU' as const })) }),
        ...(known ? { containerInstanceArn: known.containerInstanceArn } : {}),
      }),
    );
    const containerInstanceArn = answer.containerInstance?.containerInstanceArn;
    if (containerInstanceArn === undefined) throw new Error('RegisterContainerInstance answered without an ARN');
    assertEchoed(attributes, answer.containerInstance?.attributes ?? []);
    return { cluster: settings.cluster, containerInstanceArn, clientToken };
  } catch (error) {
    if (error instanceof Error && error.name === 'ClientException') throw new Terminal(error.message);
    throw error;
  }
}

export async function discover(client: ECSClient, identity: Identity): Promise<{ acs: string; tcs: string }> {
  const answer = await client.send(
    new DiscoverPollEndpointCommand({
      cluster: identity.cluster,
      containerInstance: identity.containerInstanceArn,
    }),
  );
  if (answer.endpoint === undefined || answer.telemetryEndpoint === undefined)
    throw new Error('DiscoverPollEndpoint answered without endpoints');
  return { acs: answer.endpoint, tcs: answer.telemetryEndpoint };
}
