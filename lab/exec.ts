import { execa } from 'execa';

/**
 * A tool of the machine that the lab runs failed. The message is fit to be shown: command, reason, tail of the
 * output.
 */
export class ToolFailed extends Error {
  readonly exitCode: number | undefined;
  constructor(command: string, exitCode: number | undefined, output: string) {
    super(`${command}: exit code ${exitCode ?? 'none'}\n${output.trim().split('\n').slice(-15).join('\n')}`);
    this.name = 'ToolFailed';
    this.exitCode = exitCode;
  }
}

export type RunOptions = {
  readonly input?: string;
  /** Exit codes that are no failure; 0 alone if absent. */
  readonly accept?: readonly number[];
  readonly onLine?: (line: string) => void;
  readonly env?: Record<string, string>;
};

/** Runs a tool to its end and returns its stdout. @throws ToolFailed */
export async function run(file: string, args: readonly string[], options: RunOptions = {}): Promise<string> {
  const child = execa(file, args, {
    reject: false,
    all: true,
    ...(options.input === undefined ? { stdin: 'ignore' as const } : { input: options.input }),
    ...(options.env === undefined ? {} : { env: options.env }),
  });
  if (options.onLine) {
    const { onLine } = options;
    void (async () => {
      for await (const line of child.iterable({ from: 'all' })) onLine(String(line));
    })().catch(() => {
      // The result below reports how the tool ended.
    });
  }
  const result = await child;
  if (result.exitCode === undefined || !(options.accept ?? [0]).includes(result.exitCode)) {
    const detail = result.all === '' ? (result.shortMessage ?? '') : (result.all ?? '');
    throw new ToolFailed([file, ...args].join(' '), result.exitCode, detail);
  }
  return result.stdout;
}

/** The same when the answer is only whether it worked. */
export async function succeeds(file: string, args: readonly string[]): Promise<boolean> {
  return (
    (await execa(file, args, { reject: false, stdin: 'ignore', stdout: 'ignore', stderr: 'ignore' })).exitCode === 0
  );
}
