import { reasonOf } from '#contracts/reason.ts';
import { createDockerClient } from './docker.ts';
import { followDocker } from './follow-docker.ts';
import { createLog } from './log.ts';
import { createNotify } from './notify.ts';
import { ASSIGNED_PATH, CONTAINERS_FOLDER, OUTBOX_FOLDER } from './resources.ts';
import { systemdUnits } from './units.ts';

const stopping = new AbortController();
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => stopping.abort());

const log = createLog((line) => process.stderr.write(line));
const notify = createNotify(log);
notify.ready();
try {
  await followDocker(
    {
      log,
      notify,
      docker: createDockerClient(),
      units: systemdUnits,
      paths: { assigned: ASSIGNED_PATH, placer: { containers: CONTAINERS_FOLDER, outbox: OUTBOX_FOLDER } },
    },
    stopping.signal,
  );
} catch (error) {
  log.say('error', `the development service ended: ${reasonOf(error)}`);
  process.exitCode = 1;
}
notify.stopping();
// The helper that speaks to systemd would keep it.
process.exit();
