export const REGIONS = ['us-east-1', 'us-east-2', 'us-west-2'] as const;

const everywhere = '0.0.0.0/0';

/** Ports of the containerised protocol: discovery, stream by UDP, stream by TCP. */
const PROTOCOL_RULES = [
  { protocol: 'tcp', port: 32262, cidr: everywhere },
  { protocol: 'udp', port: 32263, cidr: everywhere },
  { protocol: 'tcp', port: 32273, cidr: everywhere },
] as const;

function group(region: (typeof REGIONS)[number], name: string) {
  return {
    region,
    name,
    description: 'Containerised protocol',
    rules: PROTOCOL_RULES,
  };
}

/** Arguments of `seed` in lab/moto/seeds.py that do not depend on the base image. */
export const LAB_SEED = {
  regions: REGIONS,
  groups: [
    group('us-east-2', 'fractal-containerized-protocol-group'),
    group('us-east-1', 'container-testing'),
    group('us-west-2', 'container-testing'),
  ],
  profile: {
    name: 'ecs-host',
    roleName: 'ecs-host',
    policyName: 'ecs-host',
    policy: {
      Version: '2012-10-17',
      Statement: [
        {
          Effect: 'Allow',
          Action: [
            'ecs:DeregisterContainerInstance',
            'ecs:DiscoverPollEndpoint',
            'ecs:Poll',
            'ecs:RegisterContainerInstance',
            'ecs:StartTelemetrySession',
            'ecs:Submit*',
            'ecs:UpdateContainerInstancesState',
          ],
          Resource: '*',
        },
      ],
    },
  },
  /** What roles of hosts are given besides their own policy. */
  managedPolicies: ['AmazonSSMManagedInstanceCore', 'AmazonEC2ContainerServiceforEC2Role'],
} as const;
