import { reasonOf } from '#contracts/reason.ts';
import { AWS_CERTIFICATES, type IdentityCertificates } from '../aws/identity-certificates.ts';
import { outsideError } from '../io/errors.ts';

/**
 * AWS's own certificates; where an endpoint was named, the one that it offers.
 *
 * @throws EcsHostError `IDENTITY_CERTIFICATE` (outside) when the endpoint is no lab
 */
export async function findIdentityCertificates(endpointUrl: string | null): Promise<IdentityCertificates> {
  if (endpointUrl === null) return AWS_CERTIFICATES;
  try {
    const answer = await fetch(new URL('/_lab/identity-certificate', endpointUrl), {
      signal: AbortSignal.timeout(5000),
    });
    const { certificate } = (await answer.json()) as { certificate?: unknown };
    if (!answer.ok || typeof certificate !== 'string') throw new Error(`HTTP ${answer.status}`);
    return { certificateOf: () => certificate, certificate2048Of: () => certificate };
  } catch (error) {
    throw outsideError(
      'IDENTITY_CERTIFICATE',
      `${endpointUrl} does not say which certificate signs its identity documents: ${reasonOf(error)}`,
      'an endpoint has to be the lab of this project',
    );
  }
}
