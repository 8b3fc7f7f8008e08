import { HOST_STATE_PATH } from '#contracts/host-service.ts';
import { openControl } from './control.ts';
import { createDockerClient } from './docker.ts';
import { awsEcs } from './ecs.ts';
import { createGate } from './gate.ts';
import { loadHostKey } from './host-key.ts';
import { createLog } from './log.ts';
import { createNotify } from './notify.ts';
import { runService } from './service.ts';
import { createStateKeeper } from './state.ts';
import { makeCertificate } from './tls.ts';
import { systemdUnits } from './units.ts';

const stopping = new AbortController();
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => stopping.abort());
let askAgain = Promise.withResolvers<void>();
process.on('SIGHUP', () => {
  askAgain.resolve();
  askAgain = Promise.withResolvers<void>();
});

const log = createLog((line) => process.stderr.write(line));
const notify = createNotify(log);
const state = createStateKeeper(HOST_STATE_PATH, {
  status: (text) => notify.status(text),
  trouble: (error) => log.once('state', 'error', `${HOST_STATE_PATH}: ${String(error)}`),
});
try {
  await runService(
    {
      log,
      state,
      notify,
      units: systemdUnits,
      gate: createGate(),
      docker: createDockerClient(),
      ecs: awsEcs,
      hostKey: () => loadHostKey(),
      openControl: async (onOrder) =>
        openControl({ tls: await makeCertificate('ecs-host'), phase: () => state.now().phase, onOrder }),
    },
    { stop: stopping.signal, askAgain: () => askAgain.promise },
  );
} catch (error) {
  log.say('error', `the host service ended: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
}
// The helper that speaks to systemd would keep it.
process.exit();
