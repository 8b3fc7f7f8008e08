import { HOST_CONFIG_PATH, HOST_STATE_PATH, STARTS_FOLDER } from '#contracts/host-service.ts';
import { reasonOf } from '#contracts/reason.ts';
import { openControl } from './control.ts';
import { createDockerClient } from './docker.ts';
import { DRAINED_PATH } from './draining.ts';
import { awsEcs } from './ecs.ts';
import { Gate } from './gate.ts';
import { loadHostKey } from './host-key.ts';
import { createLog } from './log.ts';
import { createNotify } from './notify.ts';
import { Orders } from './orders.ts';
import { PowerOff } from './power-off.ts';
import { ASSIGNED_PATH, CONTAINERS_FOLDER, OUTBOX_FOLDER } from './resources.ts';
import { runService } from './service.ts';
import { createStateKeeper } from './state.ts';
import { makeCertificate } from './tls.ts';
import { systemdUnits } from './units.ts';
import { Watchdog } from './watchdog.ts';
import { createWebserverClient } from './webserver-client.ts';

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
      gate: new Gate((error, lease) => log.once(`gate ${lease}`, 'error', `the gate: ${String(error)}`)),
      orders: new Orders(log),
      powerOff: new PowerOff(systemdUnits, log),
      watchdog: new Watchdog(notify),
      docker: createDockerClient(),
      ecs: awsEcs,
      hostKey: () => loadHostKey(),
      openControl: async (onOrder) =>
        openControl({ tls: await makeCertificate('ecs-host'), phase: () => state.now().phase, onOrder }),
      paths: {
        config: HOST_CONFIG_PATH,
        starts: STARTS_FOLDER,
        assigned: ASSIGNED_PATH,
        drained: DRAINED_PATH,
        placer: { containers: CONTAINERS_FOLDER, outbox: OUTBOX_FOLDER },
      },
      connect: createWebserverClient,
    },
    { stop: stopping.signal, askAgain: () => askAgain.promise },
  );
} catch (error) {
  log.say('error', `the host service ended: ${reasonOf(error)}`);
  process.exitCode = 1;
}
// The helper that speaks to systemd would keep it.
process.exit();
