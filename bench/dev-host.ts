import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { execa } from 'execa';
import { projectFolder } from '../src/io/paths.ts';
import { receiveStream } from '../src/stream/stream-client.ts';
import type { LabHandle } from '../test/e2e/lab-handle.ts';
import { cli } from '../test/e2e/support.ts';
import { withLab } from './lab.ts';
import { median, rounded, saveResult } from './result.ts';

/**
 * From no dev host at all to 60 decoded pictures: with `ecs-host dev-host stream --frames 60`, and by hand with the
 * commands of the container-images repository (bench/dev-host-by-hand.sh), in turn on one lab. Ours also plans,
 * verifies, and leaves a host that stops by itself.
 *
 *   node bench/dev-host.ts [--rounds N]
 */
const ROUNDS = Number(process.argv[process.argv.indexOf('--rounds') + 1]) || 3;
const FRAMES = 60;
const PORTS = { discoveryTcp: 32262, streamUdp: 32263, streamTcp: 32273 };

async function ecsHost(lab: LabHandle, args: readonly string[], signal: AbortSignal): Promise<void> {
  const { exitCode, all } = await cli(args, lab.environment, { signal });
  if (exitCode !== 0) throw new Error(`ecs-host ${args.join(' ')}: exit code ${exitCode}\n${all.slice(-3000)}`);
}

async function ours(lab: LabHandle, signal: AbortSignal): Promise<number> {
  const startedAt = performance.now();
  await ecsHost(lab, ['dev-host', 'stream', '--frames', String(FRAMES), '--plain'], signal);
  const tookMs = performance.now() - startedAt;
  await ecsHost(lab, ['dev-host', 'destroy', '--yes'], signal);
  return tookMs;
}

/** The script ends, and cleans up, when its stdin does. */
async function byHand(lab: LabHandle, signal: AbortSignal): Promise<number> {
  const startedAt = performance.now();
  const script = join(projectFolder(), 'bench', 'dev-host-by-hand.sh');
  const child = execa(script, [lab.endpoint, 'us-west-2', await lab.newFolder()], {
    stdin: 'pipe',
    cancelSignal: signal,
  });
  const told = new Map<string, string>();
  const lines = createInterface({ input: child.stdout });
  lines.on('line', (line) => {
    const [name = '', value = ''] = line.split(' ');
    told.set(name, value);
    if (name === 'key') lines.close();
  });
  await Promise.race([once(lines, 'close'), child]);
  const key = Buffer.from(told.get('key') ?? '', 'hex');
  const request = { host: told.get('address') ?? '', ports: PORTS, key, frames: FRAMES, timeoutMs: 60_000, signal };
  const { framesDecoded } = await receiveStream(request);
  if (framesDecoded < FRAMES) throw new Error(`by hand only ${framesDecoded} frames were decoded`);
  const tookMs = performance.now() - startedAt;
  child.stdin.end();
  await child;
  return tookMs;
}

async function measure(lab: LabHandle, signal: AbortSignal): Promise<void> {
  // The first warms what both use: the mirror, and the images of the lab's registry.
  await ours(lab, signal);
  const rounds: { readonly a: number; readonly b: number }[] = [];
  for (let round = 1; round <= ROUNDS; round += 1) {
    const a = await ours(lab, signal);
    const b = await byHand(lab, signal);
    rounds.push({ a, b });
    const [x, y] = [a, b].map((ms) => (ms / 1000).toFixed(1));
    console.log(`round ${round} of ${ROUNDS}: ecs-host ${x} s, by hand ${y} s, ratio ${(a / b).toFixed(2)}`);
  }
  const ratios = rounds.map(({ a, b }) => a / b);
  const ratio = median(ratios);
  console.log(`from nothing to ${FRAMES} pictures: ratio ${ratio.toFixed(2)}`);
  const baseline = 'bench/dev-host-by-hand.sh';
  await saveResult('dev-host', { baseline, ratio, ratios: ratios.map(rounded), goal: null, rounds: ROUNDS });
}

await withLab(measure);
