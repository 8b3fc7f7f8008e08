import { ask } from './tool.ts';

/** `systemd-nspawn`, `docker`, ... or null on a machine with a kernel of its own. */
export async function containerKind(): Promise<string | null> {
  const { exitCode, stdout } = await ask`systemd-detect-virt --container`;
  return exitCode === 0 ? stdout.trim() : null;
}
