import { join } from 'node:path';
import { loadConfig } from '../../src/config/load.ts';
import { projectFolder } from '../../src/io/paths.ts';
import { select } from '../../src/plan/resolve.ts';
import type { PreflightItem } from '../../src/preflight/look.ts';
import type { Found } from '../../src/preflight/planned-items.ts';
import { lookAtAll, type Preflight } from '../../src/preflight/preflight.ts';
import { subjectOf } from '../../src/preflight/subject.ts';
import { apiError, type Call, fakeClients, type Taught } from '../run/fake-clients.ts';

const { config } = await loadConfig(join(projectFolder(), 'hosts.yaml'));
const onAws = subjectOf(select(config, { region: 'us-east-2', profile: null }, 'hosts.yaml'), projectFolder());

export const ROLE = 'arn:aws:iam::123456789012:role/ecs-host';

function open(protocol: string, port: number): object {
  return { IpProtocol: protocol, FromPort: port, ToPort: port, IpRanges: [{ CidrIp: '203.0.113.0/24' }] };
}

export const PERMISSIONS = [open('tcp', 32262), open('udp', 32263), open('tcp', 32273)];

/** An account in which nothing is missing for g3s-focal in us-east-2. */
const FINE: Taught = {
  GetCallerIdentity: () => ({ Arn: 'arn:aws:sts::123456789012:assumed-role/baker/me' }),
  GetInstanceProfile: () => ({ InstanceProfile: { Roles: [{ Arn: ROLE }] } }),
  GetRole: () => ({ Role: {} }),
  SimulatePrincipalPolicy: () => ({ EvaluationResults: [{ EvalDecision: 'allowed' }] }),
  GetServiceQuota: () => ({ Quota: { Value: 8 } }),
  DescribeInstances: () => ({ Reservations: [] }),
  DescribeInstanceTypes: () => ({
    InstanceTypes: [
      { InstanceType: 'g3s.xlarge', VCpuInfo: { DefaultVCpus: 4 } },
      { InstanceType: 'g4dn.xlarge', VCpuInfo: { DefaultVCpus: 4 } },
    ],
  }),
  DescribeSecurityGroups: () => ({ SecurityGroups: [{ GroupName: 'hosts', IpPermissions: PERMISSIONS }] }),
};

export const FOUND: Found = {
  baseImage: { id: 'ami-1', name: 'focal' },
  securityGroup: { id: 'sg-1', name: 'hosts' },
  placements: [
    { instanceType: 'g3s.xlarge', zone: 'us-east-2a', subnetId: 'subnet-1', public: true, reason: 'public' },
  ],
};

export type Change = Partial<Omit<Preflight, 'subject' | 'run'>> & {
  readonly subject?: Partial<Preflight['subject']>;
  readonly run?: Partial<Preflight['run']>;
};

/** A preflight in that account, but for what is taught otherwise. */
export function preflightWith(
  taught: Taught = {},
  { subject, run, ...change }: Change = {},
): Preflight & { calls: Call[] } {
  const { clients, preflight, calls } = fakeClients({ ...FINE, ...taught });
  return {
    subject: { ...onAws, ...subject },
    run: { builds: true, smokes: 2, watches: true, expectedMs: 75 * 60_000, ...run },
    ec2: clients.ec2,
    clients: preflight,
    keys: async () => ({ accessKeyId: 'a', secretAccessKey: 'b' }),
    endpointUrl: null,
    found: Promise.resolve(FOUND),
    needs: [],
    readSecret: clients.readSecret,
    findAddresses: async () => ({ addresses: ['203.0.113.9'], isPublicKnown: true }),
    calls,
    ...change,
  };
}

export async function itemsOf(taught?: Taught, change?: Change): Promise<readonly PreflightItem[]> {
  return lookAtAll(preflightWith(taught, change), { waits: false });
}

export async function itemNamed(name: string, taught?: Taught, change?: Change): Promise<PreflightItem | undefined> {
  return (await itemsOf(taught, change)).find((item) => item.name === name);
}

export function refuse(code: string): () => never {
  return () => {
    throw apiError(code);
  };
}

/** A call that never comes back. */
export function silence(): Promise<never> {
  return new Promise(() => {});
}
