import { userError } from '../io/errors.ts';

/** AWS's own names, also of VPC and FIPS endpoints: what has them gets the user's credentials and no lab's. */
const OF_AWS = /\.(amazonaws\.com(\.cn)?|api\.aws)$/;

function parsed(text: string): URL | null {
  const url = URL.parse(text);
  return url !== null && ['http:', 'https:'].includes(url.protocol) && url.hostname !== '' ? url : null;
}

/**
 * The endpoint that AWS_ENDPOINT_URL names, the SDKs' own variable: whoever set it wants every call there. One of AWS
 * itself is AWS itself (null): the SDK goes there by the variable, with the user's credentials.
 *
 * @throws EcsHostError `ENDPOINT_URL` (user) for what is no address of an API
 */
export function endpointFromEnvironment(given = process.env['AWS_ENDPOINT_URL'] ?? ''): string | null {
  if (given === '') return null;
  const url = parsed(given);
  if (url === null)
    throw userError(
      'ENDPOINT_URL',
      `AWS_ENDPOINT_URL is "${given}", which is no URL of an API.`,
      'for example http://127.0.0.1:4599, where a lab is; unset it for AWS itself',
    );
  if (!OF_AWS.test(url.hostname)) return given.replace(/\/+$/, '');
  if (url.protocol === 'https:') return null;
  throw userError(
    'ENDPOINT_URL',
    `AWS_ENDPOINT_URL is "${given}": AWS itself without encryption.`,
    `write https://${url.host}`,
  );
}
