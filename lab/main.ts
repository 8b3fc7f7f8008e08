import { dirname } from 'node:path';
import { parseArgs } from 'node:util';
import { createLog } from './log.ts';
import { labPaths } from './paths.ts';
import { explainProblem, UserProblem } from './problem.ts';
import { stackOf } from './reason.ts';

const USAGE = `usage: lab up [--owner-pid N] [--port P] [--json]
       lab down [--json]
       lab status [--json]

up      brings the embedded EC2 up and prints its endpoint; says where it is when it already is
down    stops it, and removes whatever a killed one left; images, snapshots, tags and key pairs stay
status  what runs in it

--owner-pid N  stop by itself when process N is gone
--port P       port of the endpoint on 127.0.0.1 (default: 4599, or a free one when that is taken; 0 takes a free one)
--json         one JSON document on stdout; progress stays on stderr
`;

function wholeNumber(name: string, text: string | undefined, most: number): number | null {
  if (text === undefined) return null;
  const number = Number(text);
  if (!Number.isInteger(number) || number < 0 || number > most)
    throw new UserProblem(`--${name}: not a number from 0 to ${most}: ${text}`);
  return number;
}

/** The detached process; `up` listens on the channel until it is ready. */
async function runDaemon(port: number | null, ownerPid: number | null): Promise<void> {
  const { startDaemon } = await import('./daemon/daemon.ts');
  const log = createLog(process.stdout);
  const paths = await labPaths();
  const tell = (message: unknown): void => {
    // `up` may be gone; the log still has it.
    if (process.connected) process.send?.(message, () => {});
  };
  let stop: ((why: string) => Promise<void>) | null = null;
  const early: string[] = [];
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) {
    process.on(signal, () => {
      if (stop) void stop(signal);
      else early.push(signal);
    });
  }
  process.on('unhandledRejection', (error) => log(`unhandled: ${stackOf(error)}`));
  try {
    const daemon = await startDaemon({
      paths,
      port,
      ownerPid,
      project: dirname(import.meta.dirname),
      log,
      progress: (line) => {
        log(line);
        tell({ kind: 'progress', line });
      },
    });
    stop = daemon.stop;
    tell({ kind: 'ready', record: daemon.record });
    if (early[0]) void stop(early[0]);
    await daemon.stopped;
    process.exit(0);
  } catch (error) {
    const problem = explainProblem(error, paths);
    tell({ kind: 'failed', reason: problem.message, isUsers: problem instanceof UserProblem });
    process.exitCode = 1;
    if (process.connected) process.disconnect?.();
    setTimeout(() => process.exit(1), 500).unref();
  }
}

async function main(argv: readonly string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...argv],
    allowPositionals: true,
    options: {
      'owner-pid': { type: 'string' },
      port: { type: 'string' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  const [verb] = positionals;
  if (values.help) {
    process.stdout.write(USAGE);
    return 0;
  }
  if (positionals.length !== 1 || verb === undefined || !['up', 'down', 'status', 'daemon'].includes(verb)) {
    process.stderr.write(USAGE);
    return 2;
  }
  const ownerPid = wholeNumber('owner-pid', values['owner-pid'], 2 ** 22);
  const port = wholeNumber('port', values.port, 65535);
  const print = (value: unknown, lines: readonly string[]): void =>
    void process.stdout.write(values.json ? `${JSON.stringify(value)}\n` : lines.map((line) => `${line}\n`).join(''));
  const progress = (line: string): void => void process.stderr.write(`${line}\n`);

  // The caller's own folders are made by the caller, so that they stay the caller's when the rest runs as root.
  const paths = await labPaths();
  if (verb === 'status') {
    const { status, statusLines } = await import('./lifecycle/status.ts');
    const found = await status(paths);
    print(found, statusLines(found));
    return 0;
  }
  if (process.getuid?.() !== 0) {
    const { runAsRoot } = await import('./lifecycle/elevate.ts');
    return runAsRoot([import.meta.filename, ...argv]);
  }
  if (verb === 'daemon') {
    await runDaemon(port, ownerPid);
    return Number(process.exitCode ?? 0);
  }
  if (verb === 'down') {
    const { down, downLine } = await import('./lifecycle/down.ts');
    const result = await down(paths, progress);
    print(result, [downLine(result)]);
    return 0;
  }
  const { up } = await import('./lifecycle/up.ts');
  const { record, started } = await up({ paths, port, ownerPid, progress });
  print({ ...record, started }, [record.endpoint]);
  return 0;
}

/** With --json the reason is a document, too; a program that started the lab for itself tells it in its own way. */
async function fail(error: unknown, argv: readonly string[]): Promise<number> {
  const folders = await labPaths().catch(() => ({ state: 'the state folder', cache: 'the cache folder' }));
  const problem = explainProblem(error, folders);
  const [isJson, isOwned] = [argv.includes('--json'), argv.includes('--owner-pid')];
  const isUsers = problem instanceof UserProblem;
  if (isJson) process.stdout.write(`${JSON.stringify({ problem: problem.message, isUsers })}\n`);
  if (!(isJson && isOwned)) process.stderr.write(`${problem.message}\n`);
  return isUsers ? 2 : 1;
}

const argv = process.argv.slice(2);
try {
  process.exitCode = await main(argv);
} catch (error) {
  process.exitCode = await fail(error, argv);
}
