import type { RemoteResult, Ssh } from '../../src/host-access/ssh.ts';

export type Answers = readonly (readonly [pattern: RegExp, answer: Partial<RemoteResult>])[];

/**
 * An instance that answers the commands that it was taught, the first matching pattern wins. It has no state between
 * commands and no time passes; a command that it does not know throws.
 */
export function fakeSsh(answers: Answers, asked: string[] = []): Ssh {
  return {
    target: {
      instanceId: 'i-fake',
      address: '192.0.2.1',
      user: 'admin',
      keyFile: '/nowhere',
      transport: 'ssh',
      apiRegion: 'us-east-2',
      endpointUrl: null,
    },
    run: async (command, options) => {
      asked.push(command);
      const answer = answers.find(([pattern]) => pattern.test(command));
      if (!answer) throw new Error(`the fake instance was not taught: ${command}`);
      const result = { exitCode: 0, stdout: '', stderr: '', durationMs: 1, ...answer[1] };
      for (const line of result.stdout.split('\n')) options?.onLine?.(line);
      return result;
    },
    forwardToHere: async () => {},
    another: async () => {
      throw new Error('there is one connection');
    },
    [Symbol.asyncDispose]: async () => {},
  };
}

/** As `systemctl show` prints one unit, with when it began to start and when it was up. */
export function showUnit(id: string, state: string, startedUs: readonly [from: number, up: number]): string {
  const [from, up] = startedUs;
  return `Id=${id}
ActiveState=${state}
UnitFileState=disabled
InactiveExitTimestampMonotonic=${from}
ActiveEnterTimestampMonotonic=${up}
`;
}

/** Several, none of which was ever started. */
export function showUnits(states: Readonly<Record<string, string>>): string {
  return Object.entries(states)
    .map(([id, state]) => showUnit(id, state, [0, 0]))
    .join('\n');
}
