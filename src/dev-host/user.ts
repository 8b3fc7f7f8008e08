import { userInfo } from 'node:os';
import { callerArn } from '../aws/caller.ts';
import type { ApiTarget, Credentials } from '../aws/clients.ts';
import { userError } from '../io/errors.ts';

/** A tag's value, a word of a terminal, and nothing that a filter of EC2 takes for a pattern. */
const FORM = /^[\w+=,.@-]{1,64}$/;

/** Pure: `user/alice` and `assumed-role/Admin/alice@example.com` are alice's; the account's root is `root`. */
export function userOfArn(arn: string): string {
  return arn.split(':').slice(5).join(':').split('/').at(-1) ?? '';
}

/**
 * Whose dev hosts these are: by ECS_HOST_OWNER; on AWS by who asks its API, so that all machines of one person agree;
 * in the lab, which knows no persons, by the name on this machine.
 *
 * @throws EcsHostError `OWNER_NAME` (user) when that is no name that a tag can hold
 */
export async function findUser(target: ApiTarget, credentials: Credentials): Promise<string> {
  const named = process.env['ECS_HOST_OWNER'] ?? '';
  const user =
    named !== ''
      ? named
      : target.endpointUrl === null
        ? userOfArn(await callerArn(target, credentials))
        : userInfo().username;
  if (FORM.test(user)) return user;
  throw userError(
    'OWNER_NAME',
    `"${user}" cannot be the owner of dev hosts.`,
    'set ECS_HOST_OWNER to letters, digits and + = , . @ _ -, at most 64',
  );
}
