/**
 * Prints scripts/generate/instance-types.tsv from two public copies of what AWS's API answers: moto's
 * moto/ec2/resources/instance_types.json.gz (DescribeInstanceTypes), and Karpenter's
 * pkg/providers/pricing/zz_generated.pricing_aws.go (on-demand prices of us-east-1).
 *
 * Usage: node scripts/read-instance-types.ts instance_types.json.gz zz_generated.pricing_aws.go "WHAT, WHEN"
 */
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';

type Gpu = {
  readonly LogicalGpuCount: number;
  readonly GpuPartitionSize: number;
  readonly MemoryInfo: { readonly SizeInMiB: number };
  readonly Name: string;
};
type Type = {
  readonly ProcessorInfo: { readonly SupportedArchitectures: readonly string[] };
  readonly VCpuInfo: { readonly DefaultVCpus: number };
  readonly MemoryInfo: { readonly SizeInMiB: number };
  readonly InstanceStorageInfo?: { readonly TotalSizeInGB: number };
  readonly GpuInfo?: { readonly Gpus: readonly Gpu[] };
};

const [types = '', prices = '', source = ''] = process.argv.slice(2);
const known = JSON.parse(gunzipSync(readFileSync(types)).toString()) as Readonly<Record<string, Type>>;
const priceOf = new Map(
  [...readFileSync(prices, 'utf8').matchAll(/"([a-z0-9-]+\.[a-z0-9-]+)": (\d+\.\d+)/g)].map(([, name, usd]) => [
    name,
    usd,
  ]),
);

console.log(`# ${source}`);
console.log(
  '# type, vCPU, memory MiB, instance store GB, USD an hour in us-east-1, GPUs, part of one, its MiB, its name',
);
for (const [name, type] of Object.entries(known).toSorted(([a], [b]) => (a < b ? -1 : 1))) {
  const gpu = type.GpuInfo?.Gpus[0];
  // Images are for x86_64; of Arm only what has a GPU is worth a word.
  if (!type.ProcessorInfo.SupportedArchitectures.includes('x86_64') && gpu === undefined) continue;
  const columns = [
    name,
    type.VCpuInfo.DefaultVCpus,
    type.MemoryInfo.SizeInMiB,
    type.InstanceStorageInfo?.TotalSizeInGB ?? 0,
    Number(priceOf.get(name) ?? Number.NaN) || '-',
    ...(gpu === undefined ? [] : [gpu.LogicalGpuCount, gpu.GpuPartitionSize, gpu.MemoryInfo.SizeInMiB, gpu.Name]),
  ];
  console.log(columns.join('\t'));
}
