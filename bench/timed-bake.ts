import type { LabHandle } from '../test/e2e/lab-handle.ts';
import { cli } from '../test/e2e/support.ts';

export type Timing = { readonly totalMs: number; readonly phases: Readonly<Record<string, number>> };

export async function ecsHost(lab: LabHandle, args: readonly string[], signal: AbortSignal): Promise<string> {
  const { exitCode, stdout, all } = await cli(args, lab.environment, { signal });
  if (exitCode !== 0) throw new Error(`ecs-host ${args.join(' ')}: exit code ${exitCode}\n${all.slice(-3000)}`);
  return stdout;
}

/** Bakes anew: the whole command, with its own start; phases from its event stream. */
export async function timedBake(
  lab: LabHandle,
  signal: AbortSignal,
  how: readonly string[] = ['--no-layers'],
): Promise<Timing> {
  const startedAt = performance.now();
  const stdout = await ecsHost(lab, ['bake', ...how, '--force', '--json'], signal);
  const totalMs = performance.now() - startedAt;
  const titles = new Map<string, string>();
  const phases: Record<string, number> = {};
  for (const line of stdout.split('\n').filter((each) => each.startsWith('{'))) {
    const event = JSON.parse(line) as { type: string; id?: string; title?: string; durationMs?: number };
    if (event.type === 'span-start' && event.id && event.title) titles.set(event.id, event.title);
    if (event.type === 'span-end' && event.id) phases[titles.get(event.id) ?? event.id] = event.durationMs ?? 0;
  }
  return { totalMs, phases };
}
