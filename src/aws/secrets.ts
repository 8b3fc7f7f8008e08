import { GetSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { GetParameterCommand, SSMClient } from '@aws-sdk/client-ssm';
import { userError } from '../io/errors.ts';
import { explainError } from '../io/explain-error.ts';
import type { KeyProvider, Keys } from './keys.ts';

/** What every client is made with. */
type Options = {
  readonly region: string;
  readonly credentials: Keys | KeyProvider;
  readonly maxAttempts: number;
  readonly endpoint?: string;
};

/** Where a secret is. */
export type SecretPlace = { readonly store: 'secrets-manager' | 'parameter-store'; readonly name: string };

/** What the user mends: the name, the rights, the key. */
const OF_THE_USER =
  /NotFound|AccessDenied|Validation|InvalidParameter|InvalidRequest|DecryptionFailure|InvalidKeyId|UnauthorizedOperation/;

const STORES = { 'secrets-manager': 'Secrets Manager', 'parameter-store': 'Parameter Store' } as const;

async function fromSecretsManager(options: Options, name: string): Promise<string | undefined> {
  const client = new SecretsManagerClient(options);
  try {
    return (await client.send(new GetSecretValueCommand({ SecretId: name }))).SecretString;
  } finally {
    client.destroy();
  }
}

async function fromParameterStore(options: Options, name: string): Promise<string | undefined> {
  const client = new SSMClient(options);
  try {
    return (await client.send(new GetParameterCommand({ Name: name, WithDecryption: true }))).Parameter?.Value;
  } finally {
    client.destroy();
  }
}

/** @throws EcsHostError `SECRET_UNREADABLE` (user); what it says never holds the secret */
export async function readSecret(options: Options, { store, name }: SecretPlace): Promise<string> {
  const read = store === 'secrets-manager' ? fromSecretsManager : fromParameterStore;
  const value = await read(options, name).catch((error: unknown) => {
    // A store that does not answer says nothing about the configuration.
    if (!(error instanceof Error) || !OF_THE_USER.test(error.name)) throw explainError(error);
    const reason = `${error.name}: ${error.message}`;
    throw userError(
      'SECRET_UNREADABLE',
      `${name} could not be read from ${STORES[store]}: ${reason.replace(/\.$/, '')}.`,
      'correct workload.credential, or let the caller read it',
    );
  });
  if (value !== undefined && value.trim() !== '') return value;
  throw userError(
    'SECRET_UNREADABLE',
    `${name} in ${STORES[store]} holds no text.`,
    'store the key or the token as text',
  );
}
