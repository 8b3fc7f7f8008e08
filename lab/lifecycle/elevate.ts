import { spawn } from 'node:child_process';

/** What the lab reads from its environment; sudo drops everything else. */
const KEPT = [
  'HOME',
  'ECS_HOST_STATE',
  'ECS_HOST_CACHE',
  'ECS_HOST_LAB_NETWORK',
  'XDG_STATE_HOME',
  'XDG_CACHE_HOME',
  'HTTP_PROXY',
  'HTTPS_PROXY',
  'NO_PROXY',
  'ALL_PROXY',
  'http_proxy',
  'https_proxy',
  'no_proxy',
  'all_proxy',
  'NODE_EXTRA_CA_CERTS',
];

export const NEEDS_ROOT =
  'The lab makes network namespaces, mounts and machines, which needs root, and `sudo -n` may not be used without a password here. ' +
  'Run `sudo -v` first and try again, or run this as root.';

/**
 * Runs this very command again under sudo, with the folders and proxies of the caller, and returns its exit code. Without the right
 * to do so it says what is needed and returns 2, as every mistake that is the user's to mend.
 */
export async function runAsRoot(argv: readonly string[]): Promise<number> {
  const attempt = (file: string, args: readonly string[], stdio: 'inherit' | 'ignore'): Promise<number | null> =>
    new Promise((resolve) => {
      const child = spawn(file, args, { stdio });
      child.on('error', () => resolve(null));
      child.on('exit', (code) => resolve(code ?? 1));
    });
  if ((await attempt('sudo', ['-n', 'true'], 'ignore')) !== 0) {
    process.stderr.write(`${NEEDS_ROOT}\n`);
    return 2;
  }
  return (await attempt('sudo', ['-n', `--preserve-env=${KEPT.join(',')}`, process.execPath, ...argv], 'inherit')) ?? 1;
}
