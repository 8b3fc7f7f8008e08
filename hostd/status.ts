import { readFile } from 'node:fs/promises';
import { HOST_STATE_PATH, type HostState } from '#contracts/host-service.ts';

/** `ecs-host-status [--json]`: what the host service last wrote down. Exit code 0 when it serves, 1 when not, 2 when nothing is known. */
const main = async (): Promise<number> => {
  let text: string;
  try {
    text = await readFile(HOST_STATE_PATH, 'utf8');
  } catch {
    process.stderr.write(`${HOST_STATE_PATH} is not there: the host service has not run in this boot\n`);
    return 2;
  }
  const state = JSON.parse(text) as HostState;
  if (process.argv.includes('--json')) process.stdout.write(text);
  else {
    const rows = [
      ['phase', state.phase],
      ['status', state.status],
      ['gate', state.gate],
      ['instance', state.instanceId ?? 'not known yet'],
      ['handshakes', String(state.handshakeAttempts)],
      ['containers', String(state.containersSeen)],
    ];
    process.stdout.write(rows.map(([label = '', value = '']) => `${label.padEnd(12)}${value}\n`).join(''));
  }
  return state.phase === 'serving' ? 0 : 1;
};

process.exitCode = await main();
