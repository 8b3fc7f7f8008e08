import { type ProcessOutput, $ as zx } from 'zx/core';

const TAIL_LINES = 30;
/** apt's last word is only that it failed; why, it said before. */
const APT_REASON = /^W: GPG error: |^E: Failed to fetch /;

/** A tool that failed. The message is one line; `describe` is what a person wants to see next. */
export class ToolError extends Error {
  readonly command: string;
  readonly output: string;

  constructor(command: string, exitCode: number | null, output: string) {
    const lines = output.trim().split('\n');
    const said =
      lines.findLast((line) => APT_REASON.test(line)) ??
      lines.findLast((line) => /error|fail|cannot|unable|not found|E:/i.test(line)) ??
      lines.at(-1) ??
      '';
    super(`exit code ${exitCode ?? 'unknown'} from ${command.slice(0, 120)}${said === '' ? '' : `: ${said.trim()}`}`);
    this.command = command;
    this.output = output;
  }

  describe(): string {
    const lines = this.output.trimEnd().split('\n');
    const tail = lines.slice(-TAIL_LINES);
    const left = lines.length - tail.length;
    return [
      `${this.message}`,
      `command: ${this.command}`,
      ...(left > 0 ? [`(${left} lines before these)`] : []),
      ...tail,
    ].join('\n');
  }
}

const quiet = zx({
  quiet: true,
  verbose: false,
  nothrow: true,
  stdio: ['ignore', 'pipe', 'pipe'],
  env: {
    PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
    HOME: '/root',
    LC_ALL: 'C.UTF-8',
    // Neither debconf nor Ubuntu's needrestart may ask.
    DEBIAN_FRONTEND: 'noninteractive',
    NEEDRESTART_SUSPEND: '1',
    // What Python compiles for itself would be files that no package has.
    PYTHONDONTWRITEBYTECODE: '1',
    // Gone with the next boot: rclone keeps something even where it is asked for its version.
    XDG_CACHE_HOME: '/run/ecs-host-provision/cache',
    SYSTEMD_PAGER: '',
    SYSTEMD_COLORS: '0',
  },
});

type Listener = (command: string, result: ProcessOutput) => void;
let listener: Listener = () => undefined;

/** Hears of every command that has ended, for a log. */
export function onCommand(listen: Listener): void {
  listener = listen;
}

async function run(
  pieces: TemplateStringsArray,
  values: readonly unknown[],
  shell: typeof quiet = quiet,
): Promise<[string, ProcessOutput]> {
  const running = shell(pieces, ...(values as never[]));
  const command = running.cmd;
  const result = await running;
  listener(command, result);
  return [command, result];
}

/**
 * Runs a command and returns what it printed and how it ended; never throws for an exit code. Every value is quoted by
 * zx.
 */
export async function ask(pieces: TemplateStringsArray, ...values: readonly unknown[]): Promise<ProcessOutput> {
  return (await run(pieces, values))[1];
}

function orThrow([command, result]: [string, ProcessOutput]): ProcessOutput {
  if (result.exitCode !== 0) throw new ToolError(command, result.exitCode, `${result.stdout}${result.stderr}`);
  return result;
}

type Tool = (pieces: TemplateStringsArray, ...values: readonly unknown[]) => Promise<ProcessOutput>;

/** Runs a command, quietly. @throws ToolError when it fails */
export async function tool(pieces: TemplateStringsArray, ...values: readonly unknown[]): Promise<ProcessOutput> {
  return orThrow(await run(pieces, values));
}

/** `tool` for commands that the signal ends. */
export function toolUntil(signal: AbortSignal): Tool {
  return async (pieces, ...values) => orThrow(await run(pieces, values, quiet({ signal }) as typeof quiet));
}

/** What a command printed, trimmed. @throws ToolError when it fails */
export async function textOf(pieces: TemplateStringsArray, ...values: readonly unknown[]): Promise<string> {
  return (await tool(pieces, ...values)).stdout.trim();
}
