/**
 * Errors sorted by who must act. Each carries a stable code, one reason and one hint; src/cli/main.ts turns the kind into the
 * exit code. Anything else that is thrown is a bug in this program (exit 1).
 */
export type ErrorKind = 'user' | 'outside' | 'verdict' | 'interrupted';

export const EXIT_CODES: Readonly<Record<ErrorKind | 'bug', number>> = {
  bug: 1,
  user: 2,
  outside: 3,
  verdict: 4,
  interrupted: 130,
};

export type ErrorDetail = {
  /** `hosts.yaml:12:7`, a command line, an API action. */
  readonly where?: string;
  /** Which rule says so (docs/configuration.md, docs/messages.md). */
  readonly code?: string;
  readonly key?: string;
  readonly reason: string;
  readonly hint?: string;
};

export class EcsHostError extends Error {
  readonly kind: ErrorKind;
  readonly code: string;
  readonly hint: string | undefined;
  /** Several mistakes reported at once (configuration). */
  readonly details: readonly ErrorDetail[];
  /** Output of a child process, printed after the reason. */
  readonly output: string | undefined;
  /** A line for a shell that repeats the failing step, shown with --debug. */
  #command: string | undefined;

  constructor(
    kind: ErrorKind,
    code: string,
    reason: string,
    more: { hint?: string; details?: readonly ErrorDetail[]; output?: string; cause?: unknown } = {},
  ) {
    super(reason, more.cause === undefined ? undefined : { cause: more.cause });
    this.name = 'EcsHostError';
    this.kind = kind;
    this.code = code;
    this.hint = more.hint;
    this.details = more.details ?? [];
    this.output = more.output;
  }

  get command(): string | undefined {
    return this.#command;
  }

  /** The first to say it knows the step best. */
  repeatedBy(command: string): this {
    this.#command ??= command;
    return this;
  }
}

export function userError(code: string, reason: string, hint?: string, details?: readonly ErrorDetail[]): EcsHostError {
  return new EcsHostError('user', code, reason, {
    ...(hint === undefined ? {} : { hint }),
    ...(details ? { details } : {}),
  });
}

export function outsideError(
  code: string,
  reason: string,
  hint?: string,
  output?: string,
  cause?: unknown,
): EcsHostError {
  return new EcsHostError('outside', code, reason, {
    ...(hint === undefined ? {} : { hint }),
    ...(output === undefined ? {} : { output }),
    ...(cause === undefined ? {} : { cause }),
  });
}
