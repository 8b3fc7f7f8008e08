/** `ecs-host dev-host connect` and `exec` without the API: the host is the first argument, the command the others. */
import type { DevHost } from '../../src/dev-host/dev-host.ts';
import { connectDevHost } from '../../src/dev-host/reach.ts';
import { execute, openShell } from '../../src/dev-host/shell.ts';
import { EcsHostError } from '../../src/io/errors.ts';

const [host = '', ...words] = process.argv.slice(2);
const ssh = await connectDevHost(JSON.parse(host) as DevHost, new AbortController().signal);
try {
  const { exitCode } = await (words.length === 0 ? openShell(ssh) : execute(ssh, words));
  process.exitCode = exitCode;
} catch (error) {
  process.stderr.write(`${error instanceof EcsHostError ? error.code : String(error)}\n`);
  process.exitCode = 3;
}
await ssh[Symbol.asyncDispose]();
