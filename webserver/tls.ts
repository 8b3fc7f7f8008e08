import { execa } from 'execa';

/** A certificate that vouches for itself, and its key; PEM. */
export type SelfSigned = { readonly cert: string; readonly key: string };

const block = (text: string, kind: string): string => {
  const found = new RegExp(`-----BEGIN ${kind}-----[\\s\\S]+?-----END ${kind}-----`).exec(text)?.[0];
  if (found === undefined) throw new Error(`openssl gave no ${kind.toLowerCase()}`);
  return `${found}\n`;
};

/**
 * Makes a key pair and a certificate for an address, valid for a day: the authority and the server are one, for runs that end before
 * lunch. Neither touches the disk.
 */
export const makeSelfSigned = async (address: string): Promise<SelfSigned> => {
  const { stdout } = await execa(
    'openssl',
    // biome-ignore format: one option and its value a line reads worse.
    ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '1', '-subj', '/CN=ecs-host webserver',
     '-addext', `subjectAltName=IP:${address}`, '-keyout', '-', '-out', '-'],
    { stdin: 'ignore' },
  );
  return { cert: block(stdout, 'CERTIFICATE'), key: block(stdout, 'PRIVATE KEY') };
};
