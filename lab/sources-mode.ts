import { UserProblem } from './problem.ts';

/** What a user asks for: where base images, repositories and files come from that only the internet has. */
export type Sources = 'official' | 'stand-in' | 'auto';
export type SourcesMode = Exclude<Sources, 'auto'>;

export function isSources(text: unknown): text is Sources {
  return text === 'official' || text === 'stand-in' || text === 'auto';
}

/**
 * Where a lab takes them from: one answer for all who ask, so that a base image trusts those whose packages it gets.
 * Found when it is first asked for, and kept until the lab goes down, or until another one is asked for while no
 * machine is there that was made by the first.
 */
export class SourcesChoice {
  readonly #isAnswering: () => Promise<boolean>;
  readonly #isInUse: () => Promise<boolean>;
  #mode: Promise<SourcesMode> | null = null;

  /**
   * @param ask.isAnswering whether the official hosts are there for `auto`
   * @param ask.isInUse whether there are machines, which a change would leave with neither
   */
  constructor(ask: { readonly isAnswering: () => Promise<boolean>; readonly isInUse: () => Promise<boolean> }) {
    this.#isAnswering = ask.isAnswering;
    this.#isInUse = ask.isInUse;
  }

  /** What is used; decided now when nobody has asked before. */
  current(): Promise<SourcesMode> {
    this.#mode ??= this.#isAnswering().then((answers) => (answers ? 'official' : 'stand-in'));
    return this.#mode;
  }

  /** @throws UserProblem when the lab has machines of the other one */
  async choose(sources: Sources): Promise<SourcesMode> {
    if (sources === 'auto') return this.current();
    if (this.#mode === null) this.#mode = Promise.resolve(sources);
    const mode = await this.#mode;
    if (mode === sources) return mode;
    if (await this.#isInUse())
      throw new UserProblem(
        `The lab has machines, and uses ${mode} sources for them; it cannot use ${sources} ones beside them. Try again when they are terminated, or after \`ecs-host lab down\`.`,
      );
    this.#mode = Promise.resolve(sources);
    return sources;
  }
}
