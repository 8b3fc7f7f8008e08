import { join } from 'node:path';
import { execa } from 'execa';
import { projectFolder } from '../src/io/paths.ts';
import { atMost, median, saveResult } from './result.ts';

/**
 * `ecs-host --help` against the floor, an empty program on the same Node: in turn, so that both meet the same
 * machine.
 */
const ROUNDS = 21;
const GOAL = 3;

async function timed(file: string, args: readonly string[]): Promise<number> {
  const startedAt = performance.now();
  await execa(file, args, { stdin: 'ignore' });
  return performance.now() - startedAt;
}

const ecsHost = join(projectFolder(), 'bin', 'ecs-host');
const help: number[] = [];
const floor: number[] = [];
await timed(ecsHost, ['--help']);
for (let round = 0; round < ROUNDS; round += 1) {
  help.push(await timed(ecsHost, ['--help']));
  floor.push(await timed(process.execPath, ['-e', '0']));
}
const ratio = median(help) / median(floor);
console.log(
  `ecs-host --help ${median(help).toFixed(0)} ms, node -e 0 ${median(floor).toFixed(0)} ms:`,
  `ratio ${ratio.toFixed(2)}; ${atMost(GOAL, ratio <= GOAL)}`,
);
await saveResult('help', { baseline: 'node -e 0', ratio, goal: GOAL, rounds: ROUNDS });
