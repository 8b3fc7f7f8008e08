import { runDoctor } from '../../src/doctor/run-doctor.ts';

/** One clear refusal instead of twenty timeouts, when this machine cannot run the lab. */
export default async (): Promise<void> => {
  const { items, ok } = await runDoctor();
  if (ok) return;
  const missing = items.filter((item) => item.status === 'missing');
  throw new Error(
    `the lab cannot run here:\n${missing.map((item) => `  ${item.name}: ${item.found}; ${item.fix}`).join('\n')}`,
  );
};
