import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { projectFolder } from '../../src/io/paths.ts';

export type CliResult = { readonly exitCode: number | null; readonly stdout: string; readonly stderr: string };

/** Runs the command line as its users do, with pipes on both outputs, at a state folder of its own. */
export function runCli(
  args: readonly string[],
  options: { env?: Record<string, string>; stdout?: number; readAfterMs?: number; cwd?: string } = {},
): Promise<CliResult> {
  const child = spawn(process.execPath, [join(projectFolder(), 'src', 'cli', 'main.ts'), ...args], {
    cwd: options.cwd ?? projectFolder(),
    env: { ...process.env, NO_COLOR: '1', ...options.env },
    stdio: ['ignore', options.stdout ?? 'pipe', 'pipe'],
  });
  const read = { stdout: '', stderr: '' };
  const listen = (): void => {
    for (const name of ['stdout', 'stderr'] as const)
      child[name]?.setEncoding('utf8').on('data', (text: string) => {
        read[name] += text;
      });
  };
  setTimeout(listen, options.readAfterMs ?? 0);
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (exitCode) => resolve({ exitCode, ...read }));
  });
}
