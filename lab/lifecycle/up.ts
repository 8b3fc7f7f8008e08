import { spawn } from 'node:child_process';
import { open, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { withLock } from '../lock.ts';
import type { LabPaths } from '../paths.ts';
import { UserProblem } from '../problem.ts';
import { reasonOf } from '../reason.ts';
import { askDaemon } from './ask-daemon.ts';
import { endProcess } from './end-process.ts';
import type { LabRecord } from './records.ts';
import { livingDaemon, logFile, readLabRecord } from './records.ts';
import { sweep } from './sweep.ts';

export type UpOptions = {
  readonly paths: LabPaths;
  /** Null: the usual one, or a free one when that is taken. */
  readonly port: number | null;
  readonly ownerPid: number | null;
  readonly progress: (line: string) => void;
};

/** What the daemon sends over its channel while it starts. */
export type DaemonMessage =
  | { readonly kind: 'progress'; readonly line: string }
  | { readonly kind: 'ready'; readonly record: LabRecord }
  | { readonly kind: 'failed'; readonly reason: string; readonly isUsers: boolean };

async function tailOf(file: string): Promise<string> {
  const text = await readFile(file, 'utf8').catch(() => '');
  return text.trim().split('\n').slice(-15).join('\n');
}

/** Starts the daemon, detached, and waits until it says that it is ready. */
async function startDetached({ paths, port, ownerPid, progress }: UpOptions): Promise<LabRecord> {
  const log = logFile(paths);
  await rename(log, `${log}.1`).catch(() => undefined);
  const file = await open(log, 'a', 0o644);
  const wanted = [
    ...(port === null ? [] : ['--port', String(port)]),
    ...(ownerPid === null ? [] : ['--owner-pid', String(ownerPid)]),
  ];
  const child = spawn(process.execPath, [join(import.meta.dirname, '..', 'main.ts'), 'daemon', ...wanted], {
    detached: true,
    cwd: '/',
    stdio: ['ignore', file.fd, file.fd, 'ipc'],
  });
  try {
    return await new Promise<LabRecord>((resolve, reject) => {
      child.on('message', (message: DaemonMessage) => {
        if (message.kind === 'progress') progress(message.line);
        else if (message.kind === 'ready') resolve(message.record);
        else reject(message.isUsers ? new UserProblem(message.reason) : new Error(message.reason));
      });
      child.on('error', reject);
      child.on('exit', (code, signal) => {
        tailOf(log).then(
          (tail) =>
            reject(
              new Error(
                `the lab's daemon ended at its start (${signal ?? `exit code ${code}`}); ${log} ends with:\n${tail}`,
              ),
            ),
          reject,
        );
      });
    });
  } finally {
    await file.close();
    if (child.connected) child.disconnect();
    child.unref();
  }
}

/** A daemon that failed takes down what it made; one that died could not. */
async function startOrSweep(options: UpOptions): Promise<LabRecord> {
  try {
    return await startDetached(options);
  } catch (error) {
    await sweep(options.paths).catch((again: unknown) =>
      options.progress(`what the lab left could not be removed: ${reasonOf(again)}`),
    );
    throw error;
  }
}

/** Brings the lab up, or says where it already is. A lab that answers no more is swept away first. */
export function up(options: UpOptions): Promise<{ readonly record: LabRecord; readonly started: boolean }> {
  return withLock(
    join(options.paths.state, 'up.lock'),
    async () => {
      const { paths, ownerPid, progress } = options;
      const record = await readLabRecord(paths);
      const daemon = await livingDaemon(record);
      if (record && daemon) {
        try {
          // Without an owner the caller wants it to stay; a further owner keeps it up as long as that one lives.
          await askDaemon(record.endpoint, 'owners', { pid: ownerPid });
          return { record: await askDaemon<LabRecord>(record.endpoint, 'status'), started: false };
        } catch (error) {
          progress(`the running lab does not answer (${reasonOf(error)}); ending it`);
          await endProcess(daemon, 30_000);
        }
      }
      for (const line of await sweep(paths)) progress(`removed what an earlier lab left: ${line}`);
      return { record: await startOrSweep(options), started: true };
    },
    (holder) => options.progress(`waiting for process ${holder}, which is bringing the lab up or down`),
  );
}
