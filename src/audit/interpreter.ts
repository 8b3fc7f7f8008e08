import type { AuditTools } from '../bundle/audit-program.ts';
import type { NodeBinary } from '../bundle/names.ts';
import { carryFile, type Must } from '../host-access/carry-file.ts';
import type { Ssh } from '../host-access/ssh.ts';

const FETCH_S = 30;
const UNPACK_MS = 60_000;

/**
 * Pure: a shell command that fetches Node from its vendor's site, and fails unless it is byte for byte the one of that
 * hash, whatever came on the way.
 */
export function fetchNode({ version, sha256 }: NodeBinary, file: string): string {
  const name = `node-v${version}-linux-x64`;
  const curl = `curl --fail --silent --show-error --proto =https --connect-timeout 5 --max-time ${FETCH_S}`;
  const url = `https://nodejs.org/dist/v${version}/${name}.tar.gz`;
  const unpack = `tar --extract --gzip --to-stdout ${name}/bin/node >${file}`;
  return `${curl} ${url} | ${unpack} && echo '${sha256}  ${file}' | sha256sum --check --status`;
}

/**
 * Puts Node at a path of an instance. Session Manager carries a kilobyte at a time, at some cost for whoever carries
 * (docs/decisions/0210): there the instance fetches it itself, where the site can be reached, and it is carried where
 * it cannot.
 */
export async function bringNode(ssh: Ssh, { nodeFile, node }: AuditTools, file: string, must: Must): Promise<void> {
  const isFetched =
    ssh.target.transport === 'session-manager' &&
    (await ssh.run(fetchNode(node, file), { timeoutMs: FETCH_S * 1000 + UNPACK_MS })).exitCode === 0;
  if (!isFetched) await carryFile(ssh, { file: nodeFile, command: `gunzip >${file}`, pieces: `${file}.gz` }, must);
}
