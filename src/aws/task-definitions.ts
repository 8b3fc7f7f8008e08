import { DeleteTaskDefinitionsCommand, DeregisterTaskDefinitionCommand } from '@aws-sdk/client-ecs';
import type { AwsClients } from './clients.ts';

/** Nothing is started from it any more; one that was only deregistered would be shown for ever. */
export async function deleteTaskDefinition({ ecs }: AwsClients, taskDefinition: string): Promise<void> {
  await ecs.send(new DeregisterTaskDefinitionCommand({ taskDefinition }));
  await ecs.send(new DeleteTaskDefinitionsCommand({ taskDefinitions: [taskDefinition] }));
}
