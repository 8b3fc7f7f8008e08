import { parseJson } from './json.ts';

/**
 * The version that this service was written for (Docker 20.10, the oldest that the profiles install). A later Docker
 * keeps what it means for as long as it speaks it, so it is spoken wherever it can be.
 */
const WRITTEN_FOR = 41;

/** `1.44` is 44; null for what is no version 1.x. */
function minorOf(version: unknown): number | null {
  const [, minor] = typeof version === 'string' ? (/^1\.(\d{1,3})$/.exec(version) ?? []) : [];
  return minor === undefined ? null : Number(minor);
}

/**
 * Pure: of what a Docker speaks, by its answer to GET /version, the version next to the one that this service was
 * written for.
 *
 * @throws Error when it speaks nothing that could be one
 */
export function chooseVersion(answer: string): string {
  const json = parseJson(answer);
  const { ApiVersion, MinAPIVersion } = ('value' in json ? (json.value ?? {}) : {}) as Record<string, unknown>;
  const newest = minorOf(ApiVersion);
  if (newest === null) throw new Error('Docker does not say which version of its API it speaks');
  return `v1.${Math.min(Math.max(WRITTEN_FOR, minorOf(MinAPIVersion) ?? 0), newest)}`;
}

/** Speaks to Docker in a version that it knows. Docker may be another one after each of its restarts. */
export class DockerApi {
  readonly #ask: () => Promise<string>;
  readonly #isRefusal: (error: unknown) => boolean;
  #version: Promise<string> | null = null;

  /** @param isRefusal whether an error may mean that the version is refused */
  constructor(ask: () => Promise<string>, isRefusal: (error: unknown) => boolean) {
    this.#ask = ask;
    this.#isRefusal = isRefusal;
  }

  /** The next question is preceded by the one for the version. */
  forget(): void {
    this.#version = null;
  }

  /** @throws Error when Docker is away, or refuses what is asked in the version that it asked for itself */
  async speak<Answer>(question: (version: string) => Promise<Answer>): Promise<Answer> {
    const before = this.#version;
    try {
      return await question(await this.#find());
    } catch (error) {
      this.forget();
      if (before === null || !this.#isRefusal(error)) throw error;
      return question(await this.#find());
    }
  }

  #find(): Promise<string> {
    this.#version ??= this.#ask().then(chooseVersion);
    return this.#version;
  }
}
