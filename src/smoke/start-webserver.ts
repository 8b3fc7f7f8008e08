import { startWebserver } from '../../webserver/server.ts';
import { makeSelfSigned } from '../../webserver/tls.ts';
import type { Decision, SmokeWebserver } from './webserver.ts';

const ADDRESS = '127.0.0.1';

/** The reference webserver in this process; instances reach it through their ssh connection (docs/decisions/0005). */
export const startSmokeWebserver = async (): Promise<SmokeWebserver> => {
  const decisions = new Map<string, Decision>();
  const denials = new Map<string, number>();
  const tls = await makeSelfSigned(ADDRESS);
  const webserver = await startWebserver({
    address: ADDRESS,
    port: 0,
    tls,
    decide: ({ instanceId }) => {
      if (decisions.get(instanceId) === 'grant') return { kind: 'grant' };
      denials.set(instanceId, (denials.get(instanceId) ?? 0) + 1);
      return { kind: 'deny', reason: 'this smoke run has not granted it' };
    },
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
};
