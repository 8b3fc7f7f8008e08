import facts from './instance-facts.json' with { type: 'json' };
import sizes from './instance-sizes.json' with { type: 'json' };

/** What the rules know of instance types: sizes, processor, the architecture of an NVIDIA GPU, and what AWS retired. */
export type GpuArchitecture = 'kepler' | 'maxwell' | 'volta' | 'turing' | 'ampere' | 'ada' | 'hopper' | 'blackwell';

/** By the name that EC2 has for the GPU. Source: NVIDIA's product pages. */
const ARCHITECTURES: Readonly<Record<string, GpuArchitecture>> = {
  A100: 'ampere',
  A10G: 'ampere',
  B200: 'blackwell',
  B300: 'blackwell',
  GB200: 'blackwell',
  H100: 'hopper',
  H200: 'hopper',
  K520: 'kepler',
  K80: 'kepler',
  L4: 'ada',
  L40S: 'ada',
  M60: 'maxwell',
  'RTX PRO 4500': 'blackwell',
  'RTX PRO Server 6000': 'blackwell',
  T4: 'turing',
  T4g: 'turing',
  V100: 'volta',
};

/** GPUs that are behind an NVSwitch where an instance has eight (GB200: always): it needs a fabric manager. */
const ON_NVSWITCH = new Set(['A100', 'H100', 'H200', 'B200', 'B300', 'GB200']);

export type Gpu = {
  readonly name: string;
  readonly count: number;
  /** Less than 1 on types that have a part of a GPU. */
  readonly part: number;
  readonly memoryMiB: number;
};

export type InstanceFacts = {
  readonly vcpus: number;
  readonly memoryMiB: number;
  /** 0 without an instance store. */
  readonly storeGB: number;
  /** On demand in us-east-1, on the day that scripts/generate/instance-types.tsv names; null where it has none. */
  readonly usdPerHour: number | null;
  readonly gpu: Gpu | null;
};

type Retirement = { readonly since: string; readonly successors: string };

/** AWS retired G3 on 2025-10-31 (SummitRoute/aws_breaking_changes#114). */
const G3: Retirement = { since: '2025-10-31', successors: 'g4dn (T4), g5 (A10G) or g6 (L4)' };
const RETIRED: Readonly<Record<string, Retirement>> = { g3: G3, g3s: G3 };

/** AWS's own processors have a g behind the generation (t4g, c7gn, im4gn); the others are named here. */
const ARM_FAMILY = /^(a1|mac2.*|mac-m.*|p6e-gb200|[a-z]+\d+g[a-z]*)$/;

const FACTS: Readonly<Record<string, string>> = facts;
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

/** What the type has, or null for one that is not known here. */
export function factsOf(instanceType: string): InstanceFacts | null {
  const line = own(FACTS, instanceType);
  if (line === null) return null;
  const [vcpus, memory, store, usd, count, part, gpuMemory, ...name] = line.split(' ');
  const gpu =
    count === undefined
      ? null
      : { name: name.join(' '), count: Number(count), part: Number(part), memoryMiB: Number(gpuMemory) };
  return {
    vcpus: Number(vcpus),
    memoryMiB: Number(memory),
    storeGB: Number(store),
    usdPerHour: usd === '-' ? null : Number(usd),
    gpu,
  };
}

/** All sizes of a family have the same GPU, so a size that is not known is judged by another one. */
export function gpuOf(instanceType: string): GpuArchitecture | null {
  const family = `${familyOf(instanceType)}.`;
  const known = Object.hasOwn(FACTS, instanceType)
    ? instanceType
    : Object.keys(FACTS).find((type) => type.startsWith(family));
  return own(ARCHITECTURES, factsOf(known ?? '')?.gpu?.name ?? '');
}

/** Why a driver of that kind, which a profile installs, does not serve the type's GPU; null when it does. */
export function gpuNeeds(instanceType: string, kind: 'data-center' | 'grid'): string | null {
  const gpu = factsOf(instanceType)?.gpu;
  if (!gpu) return null;
  if (gpu.part < 1 && kind !== 'grid') return "is a part of one, which only NVIDIA's GRID driver drives (kind: grid)";
  if (kind === 'grid' && !familyOf(instanceType).startsWith('g'))
    return 'has no GRID driver: AWS offers it for G families';
  const isSwitched = ON_NVSWITCH.has(gpu.name) && (gpu.count >= 8 || gpu.name === 'GB200');
  return isSwitched
    ? "is behind an NVSwitch, and answers nothing without NVIDIA's fabric manager, which ecs-host does not install"
    : null;
}

export function retirementOf(instanceType: string): Retirement | null {
  return own(RETIRED, familyOf(instanceType));
}
