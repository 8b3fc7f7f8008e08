import { doctorLines } from '../../doctor/doctor-lines.ts';
import { runDoctor } from '../../doctor/run-doctor.ts';
import { resultWidth } from '../../io/text.ts';
import { printResult } from '../json.ts';

/** `ecs-host doctor`: exit code 2 when something is missing for the lab. */
export async function doctor(argv: Record<string, unknown>): Promise<number> {
  const { items, ok } = await runDoctor();
  printResult(argv['json'] === true, { ok, items }, doctorLines(items, resultWidth()));
  return ok ? 0 : 2;
}
