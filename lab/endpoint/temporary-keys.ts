import { randomBytes } from 'node:crypto';
import type { Answer } from './aws-answer.ts';
import { errorAnswer } from './aws-answer.ts';
import type { AwsRequest } from './aws-request.ts';

/** In the form of the protocol by which containers get theirs, so that every SDK can ask. */
export type TemporaryKeys = {
  readonly AccessKeyId: string;
  readonly SecretAccessKey: string;
  readonly Token: string;
  readonly Expiration: string;
};

const DEFAULT_LIFETIME_S = 3600;
const LONGEST_S = 12 * 3600;
/** The end is part of the id, so that a key is refused also by the lab that is up after this one. */
const FORM = /^ASIALABT[0-9A-Z]{3}([0-9A-Z]{9})$/;

function idThatEnds(at: Date): string {
  const random = randomBytes(4).readUInt32LE() % 36 ** 3;
  const text = (value: number, length: number): string => value.toString(36).toUpperCase().padStart(length, '0');
  return `ASIALABT${text(random, 3)}${text(at.getTime(), 9)}`;
}

/** Whether a key was handed out by a lab and has ended; every other key is good for ever. */
export function hasEnded(accessKeyId: string, now: Date): boolean {
  const end = FORM.exec(accessKeyId)?.[1];
  return end !== undefined && Number.parseInt(end, 36) <= now.getTime();
}

/** What AWS answers to a key that has ended: another code in each of its protocols. */
export function endedAnswer({ service, protocol }: AwsRequest): Answer {
  if (service === 'ec2') return errorAnswer('ec2', 400, 'RequestExpired', 'Request has expired.');
  const message = 'The security token included in the request is expired';
  return protocol === 'json' || protocol === 'rest'
    ? errorAnswer('json', 400, 'ExpiredTokenException', message)
    : errorAnswer(protocol, 403, 'ExpiredToken', message);
}

/** Hands out keys that end, as those of a role or of a sign-in do. */
export class KeyMint {
  #lifetimeS = DEFAULT_LIFETIME_S;

  /**
   * How long keys live that are handed out from now on.
   *
   * @throws TypeError with one sentence about what is wrong with what was posted
   */
  setLifetime(posted: unknown): void {
    const { lifetimeS } = (posted ?? {}) as { lifetimeS?: unknown };
    if (!Number.isInteger(lifetimeS) || (lifetimeS as number) < 1 || (lifetimeS as number) > LONGEST_S)
      throw new TypeError(`lifetimeS: whole seconds, 1 to ${LONGEST_S}`);
    this.#lifetimeS = lifetimeS as number;
  }

  hand(now: Date): TemporaryKeys {
    const end = new Date(now.getTime() + this.#lifetimeS * 1000);
    return {
      AccessKeyId: idThatEnds(end),
      SecretAccessKey: randomBytes(30).toString('base64'),
      Token: randomBytes(60).toString('base64'),
      Expiration: end.toISOString(),
    };
  }
}
