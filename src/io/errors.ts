import type { CodeOf, CodeWith, EXIT_CODES, OutsideCode, UserCode } from './messages.ts';

/**
 * Errors sorted by who must act. Each carries a code of the table (messages.ts), one reason and one hint;
 * src/cli/main.ts turns the kind into the exit code. Anything else that is thrown is a bug in this program (exit 1).
 */
export type ErrorKind = Exclude<keyof typeof EXIT_CODES, 'bug'>;

export type ErrorDetail = {
  /** `hosts.yaml:12:7`, a command line, an API action. */
  readonly where?: string;
  /** Which rule of hosts.yaml says so (docs/configuration.md). */
  readonly code?: string;
  readonly key?: string;
  readonly reason: string;
  readonly hint?: string;
};

type More = {
  readonly hint?: string;
  readonly details?: readonly ErrorDetail[];
  readonly output?: string;
  readonly cause?: unknown;
};

/** A kind goes with its own codes only. */
type Arguments = {
  [K in ErrorKind]: [kind: K, code: CodeOf<K>, reason: string, more?: More];
}[ErrorKind];

export class EcsHostError extends Error {
  readonly kind: ErrorKind;
  readonly code: CodeOf<ErrorKind>;
  readonly hint: string | undefined;
  /** Several mistakes reported at once (configuration). */
  readonly details: readonly ErrorDetail[];
  /** Output of a child process, printed after the reason. */
  readonly output: string | undefined;
  /** A line for a shell that repeats the failing step, shown with --debug. */
  #command: string | undefined;

  constructor(...[kind, code, reason, more = {}]: Arguments) {
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

/** Details go with the codes that carry them. */
export function userError(code: UserCode, reason: string, hint?: string): EcsHostError;
export function userError(
  code: UserCode & CodeWith<'details'>,
  reason: string,
  hint: string | undefined,
  details: readonly ErrorDetail[],
): EcsHostError;
export function userError(
  code: UserCode,
  reason: string,
  hint?: string,
  details?: readonly ErrorDetail[],
): EcsHostError {
  return new EcsHostError('user', code, reason, {
    ...(hint === undefined ? {} : { hint }),
    ...(details ? { details } : {}),
  });
}

/** Output goes with the codes that carry it. */
export function outsideError(
  code: OutsideCode,
  reason: string,
  hint?: string,
  output?: undefined,
  cause?: unknown,
): EcsHostError;
export function outsideError(
  code: OutsideCode & CodeWith<'output'>,
  reason: string,
  hint: string | undefined,
  output: string | undefined,
  cause?: unknown,
): EcsHostError;
export function outsideError(
  code: OutsideCode,
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
