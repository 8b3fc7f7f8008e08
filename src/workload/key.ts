import type { Ssh } from '../host-access/ssh.ts';
import { outsideError } from '../io/errors.ts';
import { shellQuote } from '../io/shell-quote.ts';

/** Pure: the path on the line that ends with one and names the key. */
export function keyPathIn(stdout: string): string | null {
  return /key[^\n]*?[\s=:](\/[^\s'"]+)/i.exec(stdout)?.[1] ?? null;
}

/**
 * The key that a client needs, from where the run said that it is. It is read over ssh and is in no command line and no
 * log.
 *
 * @throws EcsHostError `WORKLOAD_FAILED` (outside)
 */
export async function readKey(ssh: Ssh, runStdout: string): Promise<Uint8Array> {
  const path = keyPathIn(runStdout);
  if (path === null)
    throw outsideError('WORKLOAD_FAILED', 'run_container_image.sh did not say where the key is', undefined, runStdout);
  const { exitCode, stdout: hex } = await ssh.run(`od -An -v -tx1 ${shellQuote(path)}`);
  const key = Buffer.from(hex.replaceAll(/\s/g, ''), 'hex');
  if (exitCode !== 0 || key.length === 0) throw outsideError('WORKLOAD_FAILED', `the key at ${path} could not be read`);
  return key;
}
