/**
 * What ssh runs as its ProxyCommand under Session Manager, also out of a person's own ssh configuration (see
 * `proxyCommand`). A program of its own, so that it is there for every connection without the command line.
 */
import { parseArgs } from 'node:util';
import { EcsHostError } from '../io/errors.ts';
import { exitCodeOf } from '../io/render-error.ts';
import { runPortSession } from './plugin-session.ts';

const { values } = parseArgs({
  options: {
    region: { type: 'string', default: '' },
    instance: { type: 'string', default: '' },
    port: { type: 'string', default: '22' },
    endpoint: { type: 'string' },
  },
});

try {
  const { region: apiRegion, instance: instanceId, port, endpoint: endpointUrl = null } = values;
  process.exitCode = await runPortSession({ apiRegion, instanceId, port, endpointUrl });
} catch (error) {
  if (!(error instanceof EcsHostError)) throw error;
  // ssh shows it to whoever called it.
  console.error(`ecs-host: ${error.message}`);
  process.exitCode = exitCodeOf(error);
}
