import { spawn } from 'node:child_process';
import { UserProblem } from '../problem.ts';

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
  'GOPROXY',
  'GOSUMDB',
  'GONOSUMDB',
  'PIP_INDEX_URL',
];

const NEEDS_ROOT = 'The lab makes network namespaces, mounts and machines, which needs root';

/** This user cannot become root here. */
export class NoRoot extends UserProblem {
  constructor(hasSudo: boolean) {
    super(
      hasSudo
        ? `${NEEDS_ROOT}, and sudo asks for a password here. Run \`sudo -v\` first and try again, or run this as root.`
        : `${NEEDS_ROOT}, and sudo is not installed here. Run this as root.`,
    );
  }
}

/**
 * Runs this very command again under sudo, with the folders and proxies of the caller, and returns its exit code.
 *
 * @throws NoRoot without the right to do so
 */
export async function runAsRoot(argv: readonly string[]): Promise<number> {
  const attempt = (file: string, args: readonly string[], stdio: 'inherit' | 'ignore'): Promise<number | null> =>
    new Promise((resolve) => {
      const child = spawn(file, args, { stdio });
      child.on('error', () => resolve(null));
      child.on('exit', (code) => resolve(code ?? 1));
    });
  const asked = await attempt('sudo', ['-n', 'true'], 'ignore');
  if (asked !== 0) throw new NoRoot(asked !== null);
  return (await attempt('sudo', ['-n', `--preserve-env=${KEPT.join(',')}`, process.execPath, ...argv], 'inherit')) ?? 1;
}
