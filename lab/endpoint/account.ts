import type { Answer } from './aws-answer.ts';
import { escapeXml } from './aws-answer.ts';
import type { ServiceHandler } from './handler.ts';

/**
 * What AWS knows of an account and moto does not: how many vCPUs may run, and what somebody may do. The lab has no
 * limit but the machine that it runs on, and refuses nobody; so it answers as an account does that is allowed enough.
 */
const VCPUS = 64;
const ON_DEMAND = new Map([
  ['L-1216C47A', 'Running On-Demand Standard (A, C, D, H, I, M, R, T, Z) instances'],
  ['L-DB2E81BA', 'Running On-Demand G and VT instances'],
]);

function quotaAnswer(code: string, name: string, region: string): Answer {
  const quota = {
    ServiceCode: 'ec2',
    ServiceName: 'Amazon Elastic Compute Cloud (Amazon EC2)',
    QuotaArn: `arn:aws:servicequotas:${region}:123456789012:ec2/${code}`,
    QuotaCode: code,
    QuotaName: name,
    Value: VCPUS,
    Unit: 'None',
    Adjustable: true,
    GlobalQuota: false,
  };
  return {
    status: 200,
    headers: { 'content-type': 'application/x-amz-json-1.1' },
    body: Buffer.from(JSON.stringify({ Quota: quota })),
  };
}

const quotas: ServiceHandler = async ({ action, region, parameters }) => {
  const code = parameters['QuotaCode'] ?? '';
  const name = ON_DEMAND.get(code);
  const isOurs = action === 'GetServiceQuota' && parameters['ServiceCode'] === 'ec2' && name !== undefined;
  return isOurs ? quotaAnswer(code, name, region) : null;
};

function members(parameters: Readonly<Record<string, string>>, list: string): string[] {
  return Object.entries(parameters).flatMap(([name, value]) => (name.startsWith(`${list}.member.`) ? [value] : []));
}

function simulationAnswer(parameters: Readonly<Record<string, string>>): Answer {
  const resource = members(parameters, 'ResourceArns')[0] ?? '*';
  const results = members(parameters, 'ActionNames').map(
    (action) =>
      `<member><EvalActionName>${escapeXml(action)}</EvalActionName><EvalDecision>allowed</EvalDecision>` +
      `<EvalResourceName>${escapeXml(resource)}</EvalResourceName></member>`,
  );
  const body = `<SimulatePrincipalPolicyResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/">
<SimulatePrincipalPolicyResult><IsTruncated>false</IsTruncated>
<EvaluationResults>${results.join('')}</EvaluationResults></SimulatePrincipalPolicyResult>
</SimulatePrincipalPolicyResponse>`;
  return { status: 200, headers: { 'content-type': 'text/xml;charset=UTF-8' }, body: Buffer.from(body) };
}

const policies: ServiceHandler = async ({ action, parameters }) =>
  action === 'SimulatePrincipalPolicy' ? simulationAnswer(parameters) : null;

/** By signing name. */
export const ACCOUNT_SERVICES: ReadonlyMap<string, ServiceHandler> = new Map([
  ['iam', policies],
  ['servicequotas', quotas],
]);
