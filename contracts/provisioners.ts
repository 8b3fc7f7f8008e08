/**
 * Every provisioner, in the order in which the bake applies them: the plan names those of its profile in this order,
 * and the build instance has one concern of each name. `verify` looks at what all of them did, and is the last.
 */
export const PROVISIONERS = [
  'base',
  'docker',
  'nvidia',
  'ecs-agent',
  'host-service',
  'imds-block',
  'limits',
  'user-tools',
  'record-versions',
  'clean',
  'verify',
] as const;

export type ProvisionerName = (typeof PROVISIONERS)[number];

export function isProvisionerName(name: string): name is ProvisionerName {
  return (PROVISIONERS as readonly string[]).includes(name);
}
