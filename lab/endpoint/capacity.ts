import { type Answer, errorAnswer } from './aws-answer.ts';
import type { AwsRequest } from './aws-request.ts';

/** Room that is missing, as EC2 runs out of it: for a type, in a zone, or both. */
export type Shortage = {
  readonly instanceType: string | null;
  readonly zone: string | null;
  /** How many launches find none. */
  readonly launches: number;
  readonly code: string;
};

/** EC2 says that it has no room with the status of a failure of its own, so that every SDK asks again first. */
const ITS_OWN = /^Insufficient\w*Capacity$/;
const MOST = 10_000;

/**
 * Checks what was posted to /_lab/capacity.
 *
 * @throws TypeError with one sentence about the first thing that is wrong
 */
export function parseShortage(value: unknown): Shortage {
  if (value === null || typeof value !== 'object') throw new TypeError('a shortage is a JSON object');
  const given = value as Record<string, unknown>;
  const { instanceType = null, zone = null, launches = 1, code = 'InsufficientInstanceCapacity' } = given;
  for (const [name, text] of Object.entries({ instanceType, zone }))
    if (text !== null && typeof text !== 'string') throw new TypeError(`${name}: a name, or nothing for any`);
  if (typeof code !== 'string' || code === '') throw new TypeError('code: an AWS error code');
  if (!Number.isInteger(launches) || (launches as number) < 1 || (launches as number) > MOST)
    throw new TypeError(`launches: a whole number, 1 to ${MOST}`);
  return { instanceType, zone, launches, code } as Shortage;
}

function subnetIn(parameters: AwsRequest['parameters']): string {
  return parameters['SubnetId'] ?? parameters['NetworkInterface.1.SubnetId'] ?? '';
}

export class Capacity {
  #shortages: { readonly shortage: Shortage; left: number }[] = [];
  /** A client that asks again in one breath is one launch: it comes with the same token. */
  readonly #refused = new Map<string, Shortage>();

  add(shortage: Shortage): void {
    this.#shortages.push({ shortage, left: shortage.launches });
  }

  clear(): void {
    this.#shortages = [];
  }

  list(): Shortage[] {
    return this.#shortages.map(({ shortage, left }) => ({ ...shortage, launches: left }));
  }

  /** What a call is refused with for want of room, or null. */
  async refusal(call: AwsRequest, zoneOf: (subnetId: string) => Promise<string>): Promise<Answer | null> {
    if (call.service !== 'ec2' || call.action !== 'RunInstances') return null;
    const { ClientToken: token = '', InstanceType: type = '' } = call.parameters;
    const before = this.#refused.get(token);
    if (before !== undefined) return this.#answer(before, type);
    if (this.#shortages.length === 0) return null;
    const subnetId = subnetIn(call.parameters);
    const zone = subnetId === '' ? '' : await zoneOf(subnetId);
    const found = this.#shortages.find(
      ({ shortage }) => [type, null].includes(shortage.instanceType) && [zone, null].includes(shortage.zone),
    );
    if (found === undefined) return null;
    found.left -= 1;
    if (found.left === 0) this.#shortages = this.#shortages.filter((each) => each !== found);
    if (token !== '') this.#refused.set(token, found.shortage);
    return this.#answer(found.shortage, type);
  }

  #answer({ code, zone }: Shortage, type: string): Answer {
    const where = zone ?? 'any zone';
    return errorAnswer('ec2', ITS_OWN.test(code) ? 500 : 400, code, `The lab has no room for ${type} in ${where}.`);
  }
}
