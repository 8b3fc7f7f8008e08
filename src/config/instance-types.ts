import sizes from './instance-sizes.json' with { type: 'json' };

/** What the rules know of instance types: sizes, processor, the architecture of an NVIDIA GPU, and what AWS retired. */
export type GpuArchitecture = 'kepler' | 'maxwell' | 'volta' | 'turing' | 'ampere' | 'ada' | 'hopper' | 'blackwell';

/**
 * Families with an NVIDIA GPU. Source: AWS's accelerated computing pages; architectures from NVIDIA's product
 * pages.
 */
const GPU_FAMILIES: Readonly<Record<string, GpuArchitecture>> = {
  g2: 'kepler',
  g3: 'maxwell',
  g3s: 'maxwell',
  g4dn: 'turing',
  g5: 'ampere',
  g5g: 'turing',
  g6: 'ada',
  g6e: 'ada',
  g6f: 'ada',
  g7: 'blackwell',
  g7e: 'blackwell',
  gr6: 'ada',
  gr6f: 'ada',
  p2: 'kepler',
  p3: 'volta',
  p3dn: 'volta',
  p4d: 'ampere',
  p4de: 'ampere',
  p5: 'hopper',
  p5e: 'hopper',
  p5en: 'hopper',
  'p6-b200': 'blackwell',
  'p6-b300': 'blackwell',
  'p6e-gb200': 'blackwell',
};

type Retirement = { readonly since: string; readonly successors: string };

/** AWS retired G3 on 2025-10-31 (SummitRoute/aws_breaking_changes#114). */
const G3: Retirement = { since: '2025-10-31', successors: 'g4dn (T4), g5 (A10G) or g6 (L4)' };
const RETIRED: Readonly<Record<string, Retirement>> = { g3: G3, g3s: G3 };

/** AWS's own processors have a g behind the generation (t4g, c7gn, im4gn); the others are named here. */
const ARM_FAMILY = /^(a1|mac2.*|mac-m.*|p6e-gb200|[a-z]+\d+g[a-z]*)$/;

const SIZES: Readonly<Record<string, string>> = sizes;

/** A name from hosts.yaml may be `constructor`: only what the table itself has counts. */
function own<T>(table: Readonly<Record<string, T>>, name: string): T | null {
  return Object.hasOwn(table, name) ? (table[name] ?? null) : null;
}

export function familyOf(instanceType: string): string {
  return instanceType.split('.')[0] ?? instanceType;
}

/** The sizes that AWS has of the type's family, or null for a family that is not known here. */
export function sizesOf(instanceType: string): readonly string[] | null {
  return own(SIZES, familyOf(instanceType))?.split(' ') ?? null;
}

export function knownFamilies(): string[] {
  return Object.keys(SIZES);
}

export function isArm(instanceType: string): boolean {
  return ARM_FAMILY.test(familyOf(instanceType));
}

export function gpuOf(instanceType: string): GpuArchitecture | null {
  return own(GPU_FAMILIES, familyOf(instanceType));
}

export function retirementOf(instanceType: string): Retirement | null {
  return own(RETIRED, familyOf(instanceType));
}
