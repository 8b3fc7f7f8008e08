import { IAMClient } from '@aws-sdk/client-iam';
import { ServiceQuotasClient } from '@aws-sdk/client-service-quotas';
import { STSClient } from '@aws-sdk/client-sts';
import { type ApiTarget, type Credentials, clientOptions } from './clients.ts';

/** What only a preflight asks: apart from the other clients, so that no other verb loads them. */
export type PreflightClients = {
  readonly iam: IAMClient;
  readonly quotas: ServiceQuotasClient;
  readonly sts: STSClient;
};

/** A look has seconds, which a fourth attempt would not get. */
const ATTEMPTS = 3;

/** Makes the clients; they are destroyed where the `using` ends. */
export function createPreflightClients(target: ApiTarget, credentials: Credentials): PreflightClients & Disposable {
  const options = { ...clientOptions(target, credentials), maxAttempts: ATTEMPTS };
  const clients = {
    iam: new IAMClient(options),
    quotas: new ServiceQuotasClient(options),
    sts: new STSClient(options),
  };
  return {
    ...clients,
    [Symbol.dispose]: () => {
      for (const client of Object.values(clients)) client.destroy();
    },
  };
}
