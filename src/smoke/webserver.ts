import type { IdentityCertificates } from '../aws/identity-certificates.ts';

export type Decision = 'grant' | 'deny';

/** The webserver of one smoke run: the reference webserver in this process, with a decision for each instance. */
export type SmokeWebserver = AsyncDisposable & {
  /** On 127.0.0.1. */
  readonly port: number;
  /** PEM of the authority that was made for this run. */
  readonly caPem: string;
  /** What an instance is told from now on; nobody is granted anything before. */
  decide(instanceId: string, decision: Decision): void;
  /** How often an instance was denied. */
  denials(instanceId: string): number;
};

/** The port on the instance that leads to the webserver here. */
export const REMOTE_WEBSERVER_PORT = 8443;

const ADDRESS = '127.0.0.1';

/** Who may shake hands with the webserver of a smoke run: instances of this image in this region. */
export type SmokeWebserverInput = {
  readonly certificates: IdentityCertificates;
  readonly region: string;
  readonly imageId: string;
};

/**
 * Starts the reference webserver in this process with a certificate of its own. Instances reach it through their ssh
 * connection. Imported when needed: only smoke pays for it.
 */
export async function startSmokeWebserver(input: SmokeWebserverInput): Promise<SmokeWebserver> {
  const [{ startWebserver }, { makeSelfSigned }] = await Promise.all([
    import('../../webserver/server.ts'),
    import('../../webserver/tls.ts'),
  ]);
  const tls = await makeSelfSigned(ADDRESS);
  const decisions = new Map<string, Decision>();
  const denials = new Map<string, number>();
  const webserver = await startWebserver({
    address: ADDRESS,
    port: 0,
    tls,
    // Whoever is in the account of a smoke run is decided on by instance id, so the account is not looked at.
    policy: {
      ...input.certificates,
      accountIds: null,
      regions: [input.region],
      imageIds: [input.imageId],
    },
    decide: ({ instanceId }) => {
      const decision = decisions.get(instanceId);
      if (decision === 'grant') return { kind: 'grant' };
      // Nobody is granted anything by default; that an instance was not decided on yet is a no that it may ask again
      // about.
      if (decision === undefined) return { kind: 'error', status: 503 };
      return { kind: 'deny', reason: 'smoke test: denied on purpose' };
    },
    onRefusal: (instanceId) => void denials.set(instanceId, (denials.get(instanceId) ?? 0) + 1),
  });
  return {
    port: webserver.port,
    caPem: tls.cert,
    decide: (instanceId, decision) => {
      decisions.set(instanceId, decision);
    },
    denials: (instanceId) => denials.get(instanceId) ?? 0,
    [Symbol.asyncDispose]: () => webserver.close(),
  };
}
