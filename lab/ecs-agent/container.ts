import { appendFileSync } from 'node:fs';
import { runAgent } from './agent.ts';
import { checkHealth } from './introspection.ts';
import { Terminal } from './register.ts';

/**
 * The agent alone, in the container that an ecs-init of its own (lab/parts/amazon-ecs-init) makes: its environment is
 * that of the process. Exit codes as the real agent's: 0 told to stop, 5 final, 1 to be started again.
 */
const EXIT = { error: 1, final: 5 } as const;

function log(text: string): void {
  const line = `level=info time=${new Date().toISOString()} msg=${JSON.stringify(text)}`;
  console.log(line);
  const { ECS_LOGFILE } = process.env;
  if (ECS_LOGFILE !== undefined) appendFileSync(ECS_LOGFILE, `${line}\n`);
}

const stopping = new AbortController();
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => stopping.abort());

try {
  const { env } = process;
  if (process.argv[2] === '--healthcheck') await checkHealth();
  else await runAgent({ root: '/', environment: env, dockerHost: env['DOCKER_HOST'], log, signal: stopping.signal });
} catch (error) {
  if (!stopping.signal.aborted) {
    log(`ended: ${error instanceof Error ? error.message : String(error)}`);
    process.exitCode = error instanceof Terminal ? EXIT.final : EXIT.error;
  }
}
// Connections that are kept alive, and timers, would hold it.
process.exit();
