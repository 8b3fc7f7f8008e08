import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';
import { type ApiTarget, type Credentials, clientOptions } from './clients.ts';

/** The ARN of whoever these credentials are. Needs no permission. */
export async function callerArn(target: ApiTarget, credentials: Credentials): Promise<string> {
  const sts = new STSClient(clientOptions(target, credentials));
  try {
    const { Arn = '' } = await sts.send(new GetCallerIdentityCommand({}));
    return Arn;
  } finally {
    sts.destroy();
  }
}
