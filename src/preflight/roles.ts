import { GetInstanceProfileCommand, GetRoleCommand } from '@aws-sdk/client-iam';
import type { PreflightClients } from '../aws/preflight-clients.ts';
import { type Caller, refusal } from './caller.ts';
import { ask, type Look, missing, ok } from './look.ts';
import type { Run, Subject } from './subject.ts';

/** The role that a profile holds: null when there is no such profile, '' when it holds none. */
type RoleOf = (signal: AbortSignal) => Promise<string | null>;

function isUnknown(error: unknown): boolean {
  return error instanceof Error && /^NoSuchEntity/.test(error.name);
}

function roleOf({ iam }: PreflightClients, name: string): RoleOf {
  let role: Promise<string | null> | null = null;
  const find = async (abortSignal: AbortSignal): Promise<string | null> => {
    const command = new GetInstanceProfileCommand({ InstanceProfileName: name });
    try {
      const { InstanceProfile } = await ask('iam:GetInstanceProfile', iam.send(command, { abortSignal }));
      return InstanceProfile?.Roles?.[0]?.Arn ?? '';
    } catch (error) {
      if (isUnknown(error)) return null;
      throw error;
    }
  };
  return (signal) => {
    role ??= find(signal);
    return role;
  };
}

/** A profile that instances are given, and whether the caller may give it. */
function looksOfProfile(clients: PreflightClients, caller: Caller, region: string, name: string): readonly Look[] {
  const role = roleOf(clients, name);
  const fix = `\`ecs-host bootstrap --region ${region}\` makes it; or name another one in hosts.yaml`;
  return [
    {
      name: `instance profile ${name}`,
      needed: 'that it is there, with a role',
      look: async (signal) => {
        const arn = await role(signal);
        if (arn === null) return missing(`there is no instance profile ${name}`, fix);
        return arn === '' ? missing(`${name} holds no role`, fix) : ok(arn);
      },
    },
    {
      name: `handing on the role of ${name}`,
      needed: 'iam:PassRole',
      look: async (signal) => {
        const [resource, arn] = await Promise.all([role(signal), caller(signal)]);
        // Said by the item above.
        if (resource === null || resource === '') return null;
        const context = { key: 'iam:PassedToService', value: 'ec2.amazonaws.com' };
        const simulation = { action: 'iam:PassRole', resource, context };
        return (await refusal(clients, arn, simulation, signal)) ?? ok('allowed');
      },
    },
  ];
}

/** Of the instances that the run launches. */
export function profileLooks(
  clients: PreflightClients,
  caller: Caller,
  subject: Subject,
  { builds, smokes }: Run,
): readonly Look[] {
  const ofRun = [...(builds ? [subject.buildInstanceProfile] : []), ...(smokes > 0 ? [subject.instanceProfile] : [])];
  const names = [...new Set(ofRun)];
  return names.flatMap((name) => looksOfProfile(clients, caller, subject.region, name));
}

const ECS_ROLE = 'AWSServiceRoleForECS';
const ECS_SERVICE = 'ecs.amazonaws.com';

/** ECS makes its role with the first cluster of an account, as whoever makes that cluster. */
export function ecsRoleLook(clients: PreflightClients, caller: Caller): Look {
  return {
    name: "ECS's own role",
    needed: `${ECS_ROLE}, or that the caller may make it`,
    look: async (signal) => {
      const command = new GetRoleCommand({ RoleName: ECS_ROLE });
      try {
        await ask('iam:GetRole', clients.iam.send(command, { abortSignal: signal }));
        return ok(ECS_ROLE);
      } catch (error) {
        if (!isUnknown(error)) throw error;
      }
      const arn = await caller(signal);
      const [, partition = 'aws', , , account = ''] = arn.split(':');
      const resource = `arn:${partition}:iam::${account}:role/aws-service-role/${ECS_SERVICE}/${ECS_ROLE}`;
      const context = { key: 'iam:AWSServiceName', value: ECS_SERVICE };
      const simulation = { action: 'iam:CreateServiceLinkedRole', resource, context };
      const refused = await refusal(clients, arn, simulation, signal);
      if (refused === null) return ok('not there yet; the first cluster makes it');
      const fix = `\`aws iam create-service-linked-role --aws-service-name ${ECS_SERVICE}\` once, by an administrator`;
      return refused.status === 'missing' ? missing(`${refused.found}, and ${ECS_ROLE} is not there`, fix) : refused;
    },
  };
}
