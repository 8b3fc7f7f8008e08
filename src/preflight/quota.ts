import {
  DescribeInstanceTypesCommand,
  type EC2Client,
  type Instance,
  paginateDescribeInstances,
} from '@aws-sdk/client-ec2';
import { GetServiceQuotaCommand } from '@aws-sdk/client-service-quotas';
import type { PreflightClients } from '../aws/preflight-clients.ts';
import { familyOf } from '../config/instance-types.ts';
import { isAlive, ownerName, readOwner } from '../run/owner.ts';
import { startOf } from '../run/run-id.ts';
import { runState } from '../run/sweep/sweep.ts';
import { TAG, type Tags } from '../run/tags.ts';
import { ask, type Look, missing, ok, type Result, unchecked } from './look.ts';
import type { Run, Subject } from './subject.ts';

/** One limit on the vCPUs of On-Demand instances that run at once, for some families together. */
export type Quota = { readonly code: string; readonly name: string };

/** By the letters that a family begins with. Source: "On-Demand Instance quotas" in the EC2 user guide. */
const QUOTAS: readonly (Quota & { readonly letters: RegExp })[] = [
  { letters: /^(a|c|d|h|i|im|is|m|r|t|z)$/, code: 'L-1216C47A', name: 'Standard (A, C, D, H, I, M, R, T, Z)' },
  { letters: /^(g|gr|vt)$/, code: 'L-DB2E81BA', name: 'G and VT' },
  { letters: /^p$/, code: 'L-417A185B', name: 'P' },
  { letters: /^f$/, code: 'L-74FC7D96', name: 'F' },
  { letters: /^x$/, code: 'L-7295265B', name: 'X' },
  { letters: /^inf$/, code: 'L-1945791B', name: 'Inf' },
  { letters: /^trn$/, code: 'L-2C3B7624', name: 'Trn' },
  { letters: /^dl$/, code: 'L-6E869C2A', name: 'DL' },
  { letters: /^hpc$/, code: 'L-F7808C92', name: 'HPC' },
  { letters: /^u$/, code: 'L-43DA4232', name: 'High Memory' },
];

/** Pure: which quota a type counts towards, or null for one of no known family. */
export function quotaOf(instanceType: string): Quota | null {
  const letters = /^[a-z]+/.exec(familyOf(instanceType))?.[0] ?? '';
  const found = QUOTAS.find((quota) => quota.letters.test(letters));
  return found === undefined ? null : { code: found.code, name: `Running On-Demand ${found.name} instances` };
}

/** What a dead run left: a run that builds sweeps it away before it launches anything. */
async function isLeftover(instance: Instance): Promise<boolean> {
  const tags: Tags = Object.fromEntries((instance.Tags ?? []).map(({ Key = '', Value = '' }) => [Key, Value]));
  const runId = tags[TAG.runId];
  if (runId === undefined || startOf(runId) === null || tags[TAG.kind] === 'dev-host') return false;
  const owner = await readOwner(runId);
  const alive = owner !== null && isAlive(owner);
  return runState(runId, tags, { owner, alive, self: ownerName(), now: Date.now() }) === 'dead';
}

/** Types of what counts towards the quotas now, one an instance. */
async function typesInUse(ec2: EC2Client, run: Run, abortSignal: AbortSignal): Promise<string[]> {
  const Filters = [{ Name: 'instance-state-name', Values: ['pending', 'running'] }];
  const types: string[] = [];
  for await (const { Reservations = [] } of paginateDescribeInstances({ client: ec2 }, { Filters }, { abortSignal }))
    for (const instance of Reservations.flatMap(({ Instances = [] }) => Instances)) {
      // Spot instances have quotas of their own.
      if (instance.InstanceType === undefined || instance.InstanceLifecycle === 'spot') continue;
      if (!run.builds || !(await isLeftover(instance))) types.push(instance.InstanceType);
    }
  return types;
}

type Vcpus = ReadonlyMap<string, number>;

async function vcpusOf(ec2: EC2Client, types: readonly string[], abortSignal: AbortSignal): Promise<Vcpus> {
  // A filter, because a type that the region has not is an error of the call.
  const Values = [...new Set(types)];
  const command = new DescribeInstanceTypesCommand({ Filters: [{ Name: 'instance-type', Values }] });
  const answer = await ask('ec2:DescribeInstanceTypes', ec2.send(command, { abortSignal }));
  return new Map(
    (answer.InstanceTypes ?? []).map(({ InstanceType = '', VCpuInfo }) => [
      String(InstanceType),
      VCpuInfo?.DefaultVCpus ?? 0,
    ]),
  );
}

async function limitOf({ quotas }: PreflightClients, { code }: Quota, abortSignal: AbortSignal): Promise<number> {
  const command = new GetServiceQuotaCommand({ ServiceCode: 'ec2', QuotaCode: code });
  const { Quota } = await ask('servicequotas:GetServiceQuota', quotas.send(command, { abortSignal }));
  return Quota?.Value ?? 0;
}

type Count = { readonly limit: number; readonly inUse: number; readonly each: number; readonly instances: number };

/** Pure: whether a type has room. */
function judgeType(type: string, quota: Quota, { region, apiRegion }: Subject, count: Count): Result {
  const { limit, inUse, each, instances } = count;
  const wanted = each * instances;
  const found = `${limit} vCPU in all, ${inUse} in use (${quota.name}, ${quota.code})`;
  if (limit - inUse >= wanted) return ok(found);
  const more = [
    `aws service-quotas request-service-quota-increase --region ${apiRegion} --service-code ec2`,
    `--quota-code ${quota.code} --desired-value ${inUse + wanted}`,
  ];
  return missing(
    `${found}; ${instances} × ${type} at once take ${wanted}`,
    `\`${more.join(' ')}\`, which may take days; or end instances in ${region}`,
  );
}

/** Pure: the first type that has room; else what is wrong with each of them, and the fix of the first. */
function firstWithRoom(results: readonly Result[]): Result {
  const fine = results.find(({ status }) => status === 'ok');
  const [first] = results;
  if (fine !== undefined || first === undefined || first.status === 'ok') return fine ?? ok('nothing');
  const worst = results.find(({ status }) => status === 'missing') ?? first;
  return { ...worst, found: results.map(({ found }) => found).join('; ') };
}

/** The build instance is gone before those of the smoke test start, so they are not counted together. */
export function quotaLook(ec2: EC2Client, clients: PreflightClients, subject: Subject, run: Run): Look {
  const instances = Math.max(run.smokes, run.builds ? 1 : 0);
  const wanted = subject.instanceTypes.flatMap((type) => {
    const quota = quotaOf(type);
    return quota === null ? [] : [{ type, quota }];
  });
  const names = subject.instanceTypes.join(' or ');
  return {
    name: 'vCPU quota',
    needed: `room for ${instances} × ${names}`,
    look: async (signal) => {
      if (wanted.length === 0)
        return unchecked(`no quota is known for ${names}`, 'look at Service Quotas, "Running On-Demand"');
      const [limits, all] = await Promise.all([
        Promise.all(wanted.map(({ quota }) => limitOf(clients, quota, signal))),
        ask('ec2:DescribeInstances', typesInUse(ec2, run, signal)),
      ]);
      const running = all.filter((type) => wanted.some(({ quota }) => quotaOf(type)?.code === quota.code));
      const vcpus = await vcpusOf(ec2, [...wanted.map(({ type }) => type), ...running], signal);
      const results = wanted.map(({ type, quota }, at): Result => {
        const each = vcpus.get(type);
        if (each === undefined) return unchecked(`EC2 has no ${type} here`, 'choose another instanceType');
        const counted = running.filter((other) => quotaOf(other)?.code === quota.code);
        const inUse = counted.reduce((sum, other) => sum + (vcpus.get(other) ?? 0), 0);
        return judgeType(type, quota, subject, { limit: limits[at] ?? 0, inUse, each, instances });
      });
      return firstWithRoom(results);
    },
  };
}
