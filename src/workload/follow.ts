import type { RemoteResult, Ssh } from '../host-access/ssh.ts';
import { type EcsHostError, outsideError } from '../io/errors.ts';
import type { SpanHandle } from '../io/reporter.ts';
import type { Step } from './commands.ts';

/** Runs one step; what it prints is progress. Its exit code is an answer, not an error. */
export function follow(ssh: Ssh, { command, timeoutMs, ...input }: Step, span: SpanHandle): Promise<RemoteResult> {
  return ssh.run(command, {
    timeoutMs,
    ...('input' in input ? { input: input.input } : {}),
    ...('inputFile' in input ? { inputFile: input.inputFile } : {}),
    onLine: (line) => {
      if (line.trim() !== '') span.progress(line);
    },
  });
}

/** What a command said last. */
export function lastLines({ stdout, stderr }: RemoteResult): string {
  return (stderr.trim() || stdout.trim()).split('\n').slice(-3).join(' | ');
}

export function stepFailed(what: string, result: RemoteResult): EcsHostError {
  return outsideError(
    'WORKLOAD_FAILED',
    `${what} ended with exit code ${result.exitCode}`,
    undefined,
    lastLines(result),
  );
}
