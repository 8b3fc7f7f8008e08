import { generateKeyPairSync, sign } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { shakeHands } from '../hostd/handshake.ts';
import type { HostKey } from '../hostd/host-key.ts';
import { createLog } from '../hostd/log.ts';
import { createWebserverClient } from '../hostd/webserver-client.ts';
import {
  ACCOUNT_ID,
  IMAGE_ID,
  identityDocumentOf,
  instanceIdOf,
  makeIdentityAuthority,
} from '../test/fixtures/host.ts';
import { startWebserver } from '../webserver/server.ts';
import { makeSelfSigned } from '../webserver/tls.ts';
import { atMost, saveResult } from './result.ts';

/**
 * A hundred hosts ask a webserver that is away, with the host service's own handshake over real TLS. When it is back,
 * do they all come at once? Prints the arrivals of each second. The baseline is the crowd without jitter: all hosts in
 * one second.
 */
const HOSTS = 100;
const OUTAGE_MS = 20_000;
const GOAL = 0.3;

const authority = await makeIdentityAuthority();
const tls = await makeSelfSigned('127.0.0.1');
const arrivals: number[] = [];
let backAtMs = 0;
function start(port: number) {
  return startWebserver({
    address: '127.0.0.1',
    port,
    tls,
    policy: { certificateOf: () => authority.certificate, accountIds: null, regions: null, imageIds: [IMAGE_ID] },
    decide: () => {
      arrivals.push(performance.now() - backAtMs);
      return { kind: 'grant' };
    },
  });
}

// A port that nobody else takes meanwhile.
const first = await start(0);
const { port } = first;
await first.close();

function newKey(): HostKey {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  return {
    publicKey: publicKey.export({ type: 'spki', format: 'der' }).toString('base64'),
    sign: (text) => sign(null, text, privateKey).toString('base64'),
  };
}
const { signal } = new AbortController();
const fleet = Array.from({ length: HOSTS }, (_, index) => {
  const instanceId = instanceIdOf(index + 1);
  const document = identityDocumentOf(instanceId);
  return shakeHands({
    client: createWebserverClient(`https://127.0.0.1:${port}`, tls.cert, signal),
    identity: {
      instanceId,
      instanceType: 't3.large',
      region: 'us-west-2',
      imageId: IMAGE_ID,
      accountId: ACCOUNT_ID,
      document,
      signature: authority.sign(document),
      pkcs7: null,
    },
    environment: 'bench',
    key: newKey(),
    control: null,
    log: createLog(() => undefined),
    signal,
    onAttempt: async () => undefined,
  });
});
await sleep(OUTAGE_MS);
const webserver = await start(port);
backAtMs = performance.now();
const outcomes = await Promise.all(fleet);
await webserver.close();

const inside = outcomes.filter((outcome) => 'token' in outcome).length;
const seconds = Math.ceil(Math.max(...arrivals) / 1000);
const histogram = Array.from(
  { length: seconds },
  (_, second) => arrivals.filter((ms) => Math.floor(ms / 1000) === second).length,
);
for (const [second, count] of histogram.entries())
  console.log(`${String(second).padStart(3)} s  ${String(count).padStart(3)}  ${'#'.repeat(count)}`);
const busiest = Math.max(...histogram) / HOSTS;
console.log(`${inside} of ${HOSTS} hosts are in after ${seconds} s`);
console.log(
  `the busiest second had ${(busiest * 100).toFixed(0)} % of them;`,
  atMost(`${GOAL * 100} %`, busiest <= GOAL && inside === HOSTS),
);
await saveResult('fleet', {
  baseline: 'all hosts in one second',
  ratio: busiest,
  goal: GOAL,
  rounds: 1,
  arrivalsPerSecond: histogram,
});
