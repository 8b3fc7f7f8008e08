/**
 * What a machine is made into: `host` is the image of a real host, `development` a machine that one developer works on
 * (docs/decisions/0140): it has no gate and no agent, Docker runs from the boot on.
 */
export type Variant = 'host' | 'development';

/**
 * The provisioners of each variant, in the order in which they are applied: a plan names those of its profile in this
 * order, and the machine has one concern of each name. `verify` looks at what all of them did, and is the last.
 */
export const PROVISIONERS = {
  host: [
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
  ],
  development: ['base', 'docker', 'nvidia', 'limits', 'user-tools', 'development', 'verify'],
} as const satisfies Readonly<Record<Variant, readonly string[]>>;

/**
 * Of a host, those whose work changes seldom and takes long: what they leave is an image of its own where a profile
 * wants layers, and all others are applied upon that. They need nothing of the others.
 */
const SLOW: readonly string[] = ['base', 'docker', 'nvidia', 'user-tools'];

/** Both layers of a host's provisioners, in order; each cleans up, and looks at what is there by then. */
export function provisionersOfLayers(names: readonly string[]): {
  readonly slow: readonly string[];
  readonly fast: readonly string[];
} {
  return {
    slow: names.filter((name) => SLOW.includes(name) || name === 'clean' || name === 'verify'),
    fast: names.filter((name) => !SLOW.includes(name)),
  };
}

export type ProvisionerName = (typeof PROVISIONERS)[Variant][number];

export function isProvisionerName(name: string): name is ProvisionerName {
  return Object.values(PROVISIONERS).some((names) => (names as readonly string[]).includes(name));
}
