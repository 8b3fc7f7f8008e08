import { fromNodeProviderChain } from '@aws-sdk/credential-providers';

/** What signs a call. */
export type Keys = {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
  /** When they end, where they do. */
  readonly expiration?: Date;
  /** What is known of how long they live, where it is. */
  readonly life?: Life;
};

/** How long keys live: until when (null: they do not say), and whether what gave them gives others then. */
export type Life = {
  readonly endsAt: Date | null;
  readonly isTemporary: boolean;
  readonly isRenewed: boolean;
};

/** Which of its providers gave the keys, as the SDK notes it on them. */
type Sourced = Keys & { readonly $source?: Readonly<Record<string, unknown>> };

/** Where somebody wrote keys down; what is there stays there, also when they end. */
const WRITTEN_DOWN = ['CREDENTIALS_ENV_VARS', 'CREDENTIALS_PROFILE'];
/** Written-down keys may be only what these begin with. */
const EXCHANGED = /^CREDENTIALS_(STS_|PROFILE_SOURCE_PROFILE$|PROFILE_NAMED_PROVIDER$)/;

/** Pure. */
export function lifeOf({ sessionToken, expiration, $source = {} }: Sourced): Life {
  const sources = Object.keys($source);
  const isWrittenDown =
    sources.some((source) => WRITTEN_DOWN.includes(source)) && !sources.some((source) => EXCHANGED.test(source));
  const isTemporary = sessionToken !== undefined && sessionToken !== '';
  return { endsAt: expiration ?? null, isTemporary, isRenewed: !isTemporary || !isWrittenDown };
}

/** Gives keys that are good now. Clients are handed this and not keys, so that a run can outlive them. */
export type KeyProvider = () => Promise<Keys>;

/** Keys that do not say when they end may be replaced all the same (a file that somebody edits): looked at again. */
const LOOK_AGAIN_MS = 20 * 60_000;
/** A first look is quick, so that "there are none" is said at once; later ones can afford a slow answer. */
const FIRST = { timeout: 1000, maxRetries: 0 };
const LATER = { timeout: 5000, maxRetries: 3, ignoreCache: true };

/** Goes on with keys that still live when no new ones can be had now. */
class Refreshing {
  readonly #ask: KeyProvider;
  #last: Keys;

  constructor(ask: KeyProvider, first: Keys) {
    this.#ask = ask;
    this.#last = first;
  }

  readonly provide: KeyProvider = async () => {
    try {
      this.#last = await this.#ask();
    } catch (error) {
      if ((this.#last.expiration?.getTime() ?? 0) <= Date.now()) throw error;
    }
    // The SDK keeps keys without an end for ever.
    const expiration = this.#last.expiration ?? new Date(Date.now() + LOOK_AGAIN_MS);
    return { ...this.#last, expiration, life: lifeOf(this.#last) };
  };
}

/**
 * The SDK's own chain, asked anew each time: environment, SSO, profiles and their roles, web identity, container and
 * instance. It is asked once before this returns. @throws whatever the chain says when it has no keys
 */
export async function chainOfSdk(): Promise<KeyProvider> {
  const first = await fromNodeProviderChain(FIRST)();
  return new Refreshing(() => fromNodeProviderChain(LATER)(), first).provide;
}

/** For an endpoint that is no lab of this project. */
const ANY_KEYS: Keys = { accessKeyId: 'lab', secretAccessKey: 'lab' };

type LabAnswer = Readonly<Record<'AccessKeyId' | 'SecretAccessKey' | 'Token' | 'Expiration', string>>;

/** Keys that the lab hands out, which end as those of a role do. A lab is never handed real ones. */
export function keysOfLab(endpointUrl: string): KeyProvider {
  return async () => {
    const signal = AbortSignal.timeout(5000);
    const answer = await fetch(`${endpointUrl}/_lab/credentials`, { signal }).catch(() => null);
    if (answer?.ok !== true) return ANY_KEYS;
    const { AccessKeyId, SecretAccessKey, Token, Expiration } = (await answer.json()) as LabAnswer;
    return {
      accessKeyId: AccessKeyId,
      secretAccessKey: SecretAccessKey,
      sessionToken: Token,
      expiration: new Date(Expiration),
    };
  };
}
