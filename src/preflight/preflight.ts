import type { EC2Client } from '@aws-sdk/client-ec2';
import type { AwsClients } from '../aws/clients.ts';
import type { KeyProvider } from '../aws/keys.ts';
import type { PreflightClients } from '../aws/preflight-clients.ts';
import { LAB_NAME } from '../config/networks.ts';
import { type EcsHostError, type ErrorDetail, outsideError, userError } from '../io/errors.ts';
import { inPath, type Need } from '../io/programs.ts';
import type { Reporter } from '../io/reporter.ts';
import { callerOf, IDENTITY, identityLook, lifeLook } from './caller.ts';
import { certificateLook } from './certificate.ts';
import { itemOf, Late, type Look, type PreflightItem, within } from './look.ts';
import { type Found, lateItem, plannedItems } from './planned-items.ts';
import { findHere, type Here, portsLook } from './ports.ts';
import { programLooks } from './programs.ts';
import { quotaLook } from './quota.ts';
import { ecsRoleLook, profileLooks } from './roles.ts';
import type { Run, Subject } from './subject.ts';
import { workloadLook } from './workload-item.ts';

export type Preflight = {
  readonly subject: Subject;
  readonly run: Run;
  readonly ec2: EC2Client;
  readonly clients: PreflightClients;
  readonly keys: KeyProvider;
  /** null means AWS itself. */
  readonly endpointUrl: string | null;
  /** What planning finds, which is under way. */
  readonly found: Promise<Found>;
  /** Programs of this machine that were not looked for already. */
  readonly needs: readonly Need[];
  readonly limitMs?: number;
  readonly findAddresses?: () => Promise<Here>;
  readonly readSecret: AwsClients['readSecret'];
};

const QEMU = inPath('qemu-system-x86_64', 'runs machines of the lab that have a kernel of their own');

/** The lab's repositories answer inside the lab, also where it stands in for a region of AWS. */
function isInLab({ isLab, workload: { repository } }: Subject, endpointUrl: string | null): boolean {
  if (repository === null) return false;
  return isLab || (endpointUrl !== null && new URL(repository.url).hostname === LAB_NAME);
}

function looksOf(preflight: Preflight): readonly Look[] {
  const { subject, run, ec2, clients, readSecret, keys, endpointUrl, needs, findAddresses } = preflight;
  const caller = callerOf(clients);
  const ofRun = [
    identityLook(caller),
    lifeLook(keys, run.expectedMs),
    ...profileLooks(clients, caller, subject, run),
    quotaLook(ec2, clients, subject, run),
    ...programLooks(needs),
  ];
  if (run.smokes === 0) return ofRun;
  const ofHosts = [
    ...ofRun,
    ...(subject.machine === 'qemu' ? programLooks([QEMU]) : []),
    ecsRoleLook(clients, caller),
    // The lab's is made with it.
    ...(subject.isLab ? [] : [certificateLook(subject.apiRegion)]),
  ];
  if (!run.watches) return ofHosts;
  const here = findAddresses ?? (() => findHere(endpointUrl));
  const workload = isInLab(subject, endpointUrl) ? [] : [workloadLook(subject, readSecret)];
  return [...ofHosts, portsLook(ec2, subject, here), ...workload];
}

/** So that all looks, side by side, take less than five seconds. */
export const LIMIT_MS = 4000;

/** Of an API on this machine, the lab's: it is never away, and may be slow because the machine is busy. */
const LAB_LIMIT_MS = 30_000;

function limitOf(endpointUrl: string | null): number {
  const host = endpointUrl === null ? '' : new URL(endpointUrl).hostname;
  return host === '127.0.0.1' || host === 'localhost' ? LAB_LIMIT_MS : LIMIT_MS;
}

/** What planning finds, or `Late` where that takes longer than a look. */
async function plannedInTime(found: Promise<Found>, limitMs: number): Promise<readonly PreflightItem[] | Late> {
  try {
    return await within(limitMs, plannedItems(found));
  } catch (error) {
    if (error instanceof Late) return error;
    throw error;
  }
}

/**
 * Looks at all that a run needs, side by side; changes nothing.
 *
 * @param options.waits for what planning finds, however long that takes where the API answers at all
 * @throws EcsHostError (outside) `API_FAILED` when nothing answers, and what planning throws
 */
export async function lookAtAll(
  given: Preflight,
  { waits }: { readonly waits: boolean },
): Promise<readonly PreflightItem[]> {
  const limitMs = given.limitMs ?? limitOf(given.endpointUrl);
  const looks = looksOf(given).map((look) => itemOf(look, limitMs));
  const [planned, all] = await Promise.all([plannedInTime(given.found, limitMs), Promise.all(looks)]);
  const looked = all.filter((item) => item !== null);
  if (!(planned instanceof Late)) return [...planned, ...looked];
  // Who one is needs no permission, so it is answered if anything is.
  if (looked.find(({ name }) => name === IDENTITY)?.status === 'unchecked')
    throw outsideError(
      'API_FAILED',
      `The API of ${given.subject.region} gave ${planned.message}.`,
      'look at the network and its proxy, and try again; the AWS Health Dashboard knows of outages',
    );
  return [...(waits ? await plannedItems(given.found) : [lateItem(planned)]), ...looked];
}

function detailOf({ name, found, fix, code }: PreflightItem): ErrorDetail {
  return { key: name, reason: found, hint: fix, ...(code === undefined ? {} : { code }) };
}

/** Pure: everything that is missing, as one error; null when nothing is. */
export function preflightError(region: string, items: readonly PreflightItem[]): EcsHostError | null {
  const absent = items.filter(({ status }) => status === 'missing');
  if (absent.length === 0) return null;
  return userError(
    'PREFLIGHT_FAILED',
    `${absent.length === 1 ? 'Something is' : `${absent.length} things are`} missing for a run in ${region}; nothing was started.`,
    `\`ecs-host doctor --region ${region}\` looks again`,
    absent.map(detailOf),
  );
}

/**
 * Before the first side effect of a run.
 *
 * @throws EcsHostError `PREFLIGHT_FAILED` (user) with everything that is missing
 */
export async function preflight(given: Preflight, reporter: Reporter): Promise<void> {
  const items = await lookAtAll(given, { waits: true });
  const error = preflightError(given.subject.region, items);
  if (error !== null) throw error;
  const open = items.filter(({ status }) => status === 'unchecked');
  if (open.length === 0) return;
  reporter.emit({
    type: 'warning',
    code: 'PREFLIGHT_UNCHECKED',
    text: open.map(({ name, found }) => `${name}: ${found}`).join('; '),
    hint: open.map(({ fix }) => fix).join('; '),
    details: open.map(detailOf),
  });
}
