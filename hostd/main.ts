import { HOST_STATE_PATH } from '#contracts/host-service.ts';
import { createDockerClient } from './docker.ts';
import { createGate } from './gate.ts';
import { createLog } from './log.ts';
import { runService } from './service.ts';
import { createStateKeeper } from './state.ts';
import { systemdUnits } from './units.ts';

const stopping = new AbortController();
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => stopping.abort());

const log = createLog((line) => process.stderr.write(line));
try {
  await runService(
    {
      log,
      state: createStateKeeper(HOST_STATE_PATH),
      units: systemdUnits,
      gate: createGate(),
      docker: createDockerClient(),
    },
    stopping.signal,
  );
} catch (error) {
  log.say('error', `the host service ended: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
}
