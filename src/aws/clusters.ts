import {
  DeleteClusterCommand,
  DeleteServiceCommand,
  DeregisterContainerInstanceCommand,
  paginateListContainerInstances,
  paginateListServices,
} from '@aws-sdk/client-ecs';
import type { AwsClients } from './clients.ts';

async function registeredIn({ ecs }: AwsClients, cluster: string): Promise<string[]> {
  const arns: string[] = [];
  for await (const page of paginateListContainerInstances({ client: ecs }, { cluster }))
    arns.push(...(page.containerInstanceArns ?? []));
  return arns;
}

/** Its tasks are stopped. */
export async function deleteService({ ecs }: AwsClients, cluster: string, service: string): Promise<void> {
  await ecs.send(new DeleteServiceCommand({ cluster, service, force: true }));
}

/** Deletes its services, deregisters what is still registered, and deletes the cluster. */
export async function deleteCluster(clients: AwsClients, cluster: string): Promise<void> {
  const { ecs } = clients;
  for await (const { serviceArns = [] } of paginateListServices({ client: ecs }, { cluster }))
    for (const service of serviceArns) await deleteService(clients, cluster, service);
  for (const containerInstance of await registeredIn(clients, cluster)) {
    try {
      await ecs.send(new DeregisterContainerInstanceCommand({ cluster, containerInstance, force: true }));
    } catch (error) {
      // ECS deregisters those whose instance has ended by itself, maybe a moment ago.
      if ((await registeredIn(clients, cluster)).includes(containerInstance)) throw error;
    }
  }
  await ecs.send(new DeleteClusterCommand({ cluster }));
}
