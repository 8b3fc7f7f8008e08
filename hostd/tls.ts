import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);

/**
 * A certificate that vouches for itself, and its key; PEM. Neither touches the disk. It begins now by this host's
 * clock, which may be ahead of the webserver's: whoever is told of it accepts it by its bytes, and asks no dates.
 */
export async function makeCertificate(commonName: string): Promise<{ readonly cert: string; readonly key: string }> {
  const { stdout } = await run(
    'openssl',
    // biome-ignore format: one option and its value a line reads worse.
    ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '3650',
     '-subj', `/CN=${commonName}`, '-keyout', '-', '-out', '-'],
    { timeout: 30_000, env: { PATH: process.env['PATH'] ?? '/usr/bin:/bin', RANDFILE: '/dev/null' } },
  );
  const block = (kind: string): string => {
    const found = new RegExp(`-----BEGIN ${kind}-----[\\s\\S]+?-----END ${kind}-----`).exec(stdout)?.[0];
    if (found === undefined) throw new Error(`openssl gave no ${kind.toLowerCase()}`);
    return `${found}\n`;
  };
  return { cert: block('CERTIFICATE'), key: block('PRIVATE KEY') };
}
