import { AGENT_VERSION } from './agent-line.ts';
import type { Agent } from './agents.ts';

type Body = Readonly<Record<string, unknown>>;
type Filter = { readonly key: string; readonly values: readonly string[] };

/** What a filter of this name looks at. */
const FILTERED: Readonly<Record<string, (agent: Agent) => string>> = {
  InstanceIds: ({ instanceId }) => instanceId,
  PingStatus: (agent) => pingStatus(agent),
  AgentVersion: () => AGENT_VERSION,
  PlatformTypes: () => 'Linux',
  ResourceType: () => 'EC2Instance',
};

function pingStatus({ isConnected }: Agent): string {
  return isConnected ? 'Online' : 'ConnectionLost';
}

function entries(value: unknown): readonly Body[] {
  return Array.isArray(value) ? (value as Body[]) : [];
}

function words(value: unknown): string[] {
  return Array.isArray(value) ? value.map(String) : [];
}

/** The two ways in which the call takes filters. */
function filtersOf(body: Body): Filter[] {
  return [
    ...entries(body['Filters']).map((one) => ({ key: String(one['Key']), values: words(one['Values']) })),
    ...entries(body['InstanceInformationFilterList']).map((one) => ({
      key: String(one['key']),
      values: words(one['valueSet']),
    })),
  ];
}

/** The answer of DescribeInstanceInformation, all on one page. */
export function describeInstances(
  agents: readonly Agent[],
  body: Body,
): { readonly InstanceInformationList: readonly object[] } | { readonly code: string; readonly message: string } {
  const filters = filtersOf(body);
  const unknown = filters.find(({ key }) => FILTERED[key] === undefined);
  if (unknown !== undefined) return { code: 'InvalidFilterKey', message: `The lab has no filter ${unknown.key}.` };
  const found = agents.filter((agent) =>
    filters.every(({ key, values }) => values.includes(FILTERED[key]?.(agent) ?? '')),
  );
  return {
    InstanceInformationList: found.map((agent) => ({
      InstanceId: agent.instanceId,
      PingStatus: pingStatus(agent),
      LastPingDateTime: agent.lastPing.getTime() / 1000,
      AgentVersion: AGENT_VERSION,
      IsLatestVersion: true,
      PlatformType: 'Linux',
      PlatformName: agent.platform.name,
      PlatformVersion: agent.platform.version,
      ResourceType: 'EC2Instance',
      IPAddress: agent.address,
      ComputerName: agent.hostname,
    })),
  };
}
