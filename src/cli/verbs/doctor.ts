import type { DoctorItem } from '../../doctor/doctor-item.ts';
import { doctorLines } from '../../doctor/doctor-lines.ts';
import { runDoctor } from '../../doctor/run-doctor.ts';
import { resultWidth } from '../../io/text.ts';
import { textOf } from '../arguments.ts';
import { printResult } from '../json.ts';
import { lookAtRegion } from '../region-doctor.ts';

function print(argv: Record<string, unknown>, items: readonly DoctorItem[], place?: string): number {
  const isOk = items.every(({ status }) => status !== 'missing');
  printResult(argv['json'] === true, { ok: isOk, items }, doctorLines(items, resultWidth(), place));
  return isOk ? 0 : 2;
}

/** `ecs-host doctor`: exit code 2 when something is missing for the lab, or for a run in the region that was named. */
export async function doctor(argv: Record<string, unknown>): Promise<number> {
  const region = textOf(argv, 'region');
  if (region === null) return print(argv, (await runDoctor()).items);
  return print(argv, await lookAtRegion(argv), `a run in ${region}`);
}
