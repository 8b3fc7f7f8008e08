/** What the rules know of instance types: families with an NVIDIA GPU, their architecture, and what AWS retired. */
export type GpuArchitecture = 'maxwell' | 'turing' | 'ampere' | 'ada' | 'volta' | 'hopper';

/** Source: AWS's accelerated computing pages; architectures from NVIDIA's product pages. */
const GPU_FAMILIES: Readonly<Record<string, GpuArchitecture>> = {
  g3: 'maxwell',
  g3s: 'maxwell',
  g4dn: 'turing',
  g5: 'ampere',
  g6: 'ada',
  g6e: 'ada',
  gr6: 'ada',
  p3: 'volta',
  p4d: 'ampere',
  p5: 'hopper',
};

/** AWS retired G3 on 2025-10-31 (SummitRoute/aws_breaking_changes#114). */
const RETIRED: Readonly<Record<string, { readonly since: string; readonly successors: string }>> = {
  g3: { since: '2025-10-31', successors: 'g4dn (T4), g5 (A10G) or g6 (L4)' },
  g3s: { since: '2025-10-31', successors: 'g4dn (T4), g5 (A10G) or g6 (L4)' },
};

export const familyOf = (instanceType: string): string => instanceType.split('.')[0] ?? instanceType;

export const gpuOf = (instanceType: string): GpuArchitecture | null => GPU_FAMILIES[familyOf(instanceType)] ?? null;

export const retirementOf = (instanceType: string): { readonly since: string; readonly successors: string } | null =>
  RETIRED[familyOf(instanceType)] ?? null;
