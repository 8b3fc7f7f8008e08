import { EcsHostError } from '../io/errors.ts';

const REFUSED = /^(UnauthorizedOperation|AccessDenied\w*)$/;

type Client = { send(...args: never[]): Promise<unknown> };

/** Whose words for actions a client speaks in policies: `iam:CreateRole`. */
function actionOf(service: string, command: object): string {
  return `${service}:${command.constructor.name.replace(/Command$/, '')}`;
}

function refusal(service: string, command: object, error: Error): EcsHostError {
  // The API names the action where another one is meant, such as iam:PassRole.
  const action = /not authorized to perform:? ([a-z0-9-]+:\w+)/i.exec(error.message)?.[1] ?? actionOf(service, command);
  return new EcsHostError('user', 'PERMISSION_MISSING', `The credentials may not do ${action}.`, {
    hint: 'bootstrap needs an administrator of the account, or somebody who is given that permission',
    details: [{ reason: error.message.trim() }],
    cause: error,
  });
}

/** The client, with the missing action named when the API refuses for want of permission. */
export function namingMissingPermissions<C extends Client>(client: C, service: string): C {
  const send = async (command: object, ...more: never[]): Promise<unknown> => {
    try {
      return await client.send(command as never, ...more);
    } catch (error) {
      if (error instanceof Error && REFUSED.test(error.name)) throw refusal(service, command, error);
      throw error;
    }
  };
  return Object.create(client, { send: { value: send } }) as C;
}
