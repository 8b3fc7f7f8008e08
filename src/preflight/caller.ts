import { SimulatePrincipalPolicyCommand } from '@aws-sdk/client-iam';
import { GetCallerIdentityCommand } from '@aws-sdk/client-sts';
import type { KeyProvider, Life } from '../aws/keys.ts';
import type { PreflightClients } from '../aws/preflight-clients.ts';
import { formatMinutes } from '../io/duration.ts';
import { ask, type Look, missing, ok, type Result, unchecked } from './look.ts';

export const IDENTITY = 'caller identity';

const MINUTE_MS = 60_000;
const SIGN_IN = 'sign in again: `aws sso login`, `aws configure`, or new keys in the environment';
/** Keys that AWS does not take (any more). */
const DEAD_KEYS =
  /^(ExpiredToken\w*|InvalidClientTokenId|UnrecognizedClientException|SignatureDoesNotMatch|AuthFailure)$/;

/** Who calls, asked once for all the looks that need it. */
export type Caller = (signal: AbortSignal) => Promise<string>;

export function callerOf({ sts }: PreflightClients): Caller {
  let arn: Promise<string> | null = null;
  return (abortSignal) => {
    arn ??= sts.send(new GetCallerIdentityCommand({}), { abortSignal }).then(({ Arn = '' }) => Arn);
    return arn;
  };
}

export function identityLook(caller: Caller): Look {
  return {
    name: IDENTITY,
    needed: 'credentials that AWS takes',
    look: async (signal) => {
      try {
        return ok(await caller(signal));
      } catch (error) {
        if (error instanceof Error && DEAD_KEYS.test(error.name))
          return missing(`${error.message.replace(/\.$/, '')} (${error.name})`, SIGN_IN);
        throw error;
      }
    },
  };
}

/** Pure: whether keys of such a life last for a run. */
export function judgeLife(life: Life | undefined, expectedMs: number, now: number): Result {
  const takes = `the run usually takes ${formatMinutes(expectedMs / MINUTE_MS)}`;
  if (life === undefined || (!life.isTemporary && life.endsAt === null)) return ok('they do not end');
  if (life.isRenewed) return ok('they are renewed while the run goes on');
  const fix = 'take new ones, or a profile that the SDK renews itself (SSO, a role, `credential_process`)';
  if (life.endsAt === null)
    return unchecked('temporary keys that nobody renews do not say here when they end', `${fix}; ${takes}`);
  const left = formatMinutes((life.endsAt.getTime() - now) / MINUTE_MS);
  const found = `nobody renews them, and they end in ${left}`;
  return life.endsAt.getTime() - now < expectedMs ? missing(`${found}; ${takes}`, fix) : ok(found);
}

export function lifeLook(keys: KeyProvider, expectedMs: number): Look {
  return {
    name: 'life of the credentials',
    needed: 'to the end of the run',
    look: async () => judgeLife((await keys()).life, expectedMs, Date.now()),
  };
}

/** Pure: what policies are simulated for, or null for what has none (the account itself) or cannot be told. */
export function principalOf(arn: string): string | null {
  const [, partition = '', service = '', , account = '', resource = ''] = arn.split(':');
  const [kind, ...path] = resource.split('/');
  const name = path.join('/');
  if (name === '') return null;
  if (kind === 'user') return `arn:${partition}:iam::${account}:user/${name}`;
  // The path of a role is not in the ARN of its sessions; SSO's roles have one.
  if (service === 'sts' && kind === 'assumed-role' && !name.startsWith('AWSReservedSSO_'))
    return `arn:${partition}:iam::${account}:role/${path[0] ?? ''}`;
  return null;
}

type Simulation = {
  readonly action: string;
  readonly resource: string;
  readonly context: { readonly key: string; readonly value: string };
};

/** Whether the caller may do something that no call only looks at. @returns null for yes */
export async function refusal(
  { iam }: PreflightClients,
  arn: string,
  { action, resource, context }: Simulation,
  abortSignal: AbortSignal,
): Promise<Result | null> {
  if (arn.endsWith(':root')) return null;
  const principal = principalOf(arn);
  const fix = `see that the policies of ${arn} allow ${action} for ${resource}`;
  if (principal === null) return unchecked(`the policies of ${arn} cannot be found from its name`, fix);
  const command = new SimulatePrincipalPolicyCommand({
    PolicySourceArn: principal,
    ActionNames: [action],
    ResourceArns: [resource],
    ContextEntries: [{ ContextKeyName: context.key, ContextKeyType: 'string', ContextKeyValues: [context.value] }],
  });
  const { EvaluationResults = [] } = await ask('iam:SimulatePrincipalPolicy', iam.send(command, { abortSignal }));
  const { EvalDecision: decision, MissingContextValues: open = [] } = EvaluationResults[0] ?? {};
  // A condition that only the real call answers.
  if (decision !== 'allowed' && open.length > 0) return unchecked(`it depends on ${open.join(', ')}`, fix);
  return decision === 'allowed' ? null : missing(`${principal} may not do ${action} for ${resource}`, fix);
}
