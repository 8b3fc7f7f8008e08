import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { Upstream } from '../../mirror/upstream.ts';
import { UserProblem } from '../../problem.ts';
import { reasonOf } from '../../reason.ts';
import { dearmor } from '../openpgp.ts';
import type { UbuntuRelease } from '../release.ts';
import { isSigned } from './signature.ts';

/** Whose images are taken, and by which key they are known. */
export type Publisher = {
  readonly url: string;
  /** Of the primary key. */
  readonly fingerprint: string;
  /** A keyring of this machine; without it the key is asked for at `keyUrl`. Only the fingerprint counts. */
  readonly keyring: string;
  readonly keyUrl: string;
};

const FINGERPRINT = 'D2EB44626FDDC30B513D5BB71A5D6C4C7DB87C81';

/** "UEC Image Automatic Signing Key", as Canonical's page on verifying images has it. */
export const CANONICAL: Publisher = {
  url: 'https://cloud-images.ubuntu.com',
  fingerprint: FINGERPRINT,
  keyring: '/usr/share/keyrings/ubuntu-cloudimage-keyring.gpg',
  keyUrl: `https://keyserver.ubuntu.com/pks/lookup?op=get&options=mr&search=0x${FINGERPRINT}`,
};

/** `auto` waits no longer for the publisher's host. */
const ANSWER_LIMIT_MS = 3000;

const HINT = "`--sources stand-in` takes the lab's own image instead";

function upstream(): Upstream {
  return new Upstream(process.env);
}

function problem(text: string, cause?: unknown): UserProblem {
  return new UserProblem(`${text}; ${HINT}.`, { cause });
}

async function open(url: string): Promise<IncomingMessage> {
  const response = await upstream()
    .get(new URL(url), {})
    .catch((error: unknown) => {
      throw problem(`${url} cannot be fetched: ${reasonOf(error)}`, error);
    });
  if (response.statusCode === 200) return response;
  response.resume();
  throw problem(
    response.statusCode === 404 ? `${url} is not there` : `${url} was answered with HTTP ${response.statusCode}`,
  );
}

async function text(url: string): Promise<Buffer> {
  return buffer(await open(url));
}

async function keyringOf({ keyring, keyUrl }: Publisher): Promise<Buffer> {
  return readFile(keyring).catch(async () => dearmor((await text(keyUrl)).toString('latin1')));
}

/** Whether the publisher answers at all, so quickly that it is worth asking for more. */
export async function isAnswering({ url }: Publisher, limitMs = ANSWER_LIMIT_MS): Promise<boolean> {
  try {
    const response = await upstream().get(new URL(`${url}/`), {}, AbortSignal.timeout(limitMs));
    response.destroy();
    return (response.statusCode ?? 500) < 500;
  } catch {
    return false;
  }
}

/** The tarball with the root file system of a release's newest image, as its publisher vouches for it. */
export type RootTarball = { readonly url: string; readonly name: string; readonly sha256: string };

/**
 * Reads which tarball is the newest.
 *
 * @throws UserProblem when a file is missing, its signature is not the publisher's, or it does not name the tarball
 */
export async function findRootTarball(
  publisher: Publisher,
  { codename, version }: UbuntuRelease,
): Promise<RootTarball> {
  const folder = `${publisher.url}/releases/${codename}/release`;
  const [sums, signature, keyring] = await Promise.all([
    text(`${folder}/SHA256SUMS`),
    text(`${folder}/SHA256SUMS.gpg`),
    keyringOf(publisher),
  ]);
  const binary = signature.toString('latin1').includes('-----BEGIN PGP')
    ? dearmor(signature.toString('latin1'))
    : signature;
  if (!(await isSigned({ text: sums, signature: binary, keyring, fingerprint: publisher.fingerprint })))
    throw problem(`${folder}/SHA256SUMS is not signed by ${publisher.fingerprint}`);
  const name = `ubuntu-${version}-server-cloudimg-amd64-root.tar.xz`;
  const line = sums
    .toString('utf8')
    .split('\n')
    .map((each) => /^([0-9a-f]{64}) [ *](.+)$/.exec(each))
    .find((each) => each?.[2] === name);
  const sha256 = line?.[1];
  if (sha256 === undefined) throw problem(`${folder}/SHA256SUMS has no ${name}`);
  return { url: `${folder}/${name}`, name, sha256 };
}

/** @throws UserProblem when it is missing, or is not what its checksum says */
export async function fetchTarball(
  { url, sha256 }: RootTarball,
  file: string,
  onProgress: (line: string) => void,
): Promise<void> {
  const response = await open(url);
  const whole = Number(response.headers['content-length'] ?? 0);
  const hash = createHash('sha256');
  let [bytes, told] = [0, 0];
  response.on('data', (chunk: Buffer) => {
    hash.update(chunk);
    bytes += chunk.length;
    const tenths = whole === 0 ? 0 : Math.floor((10 * bytes) / whole);
    if (tenths > told) onProgress(`fetching Canonical's image: ${tenths * 10} % of ${Math.round(whole / 1e6)} MB`);
    told = Math.max(tenths, told);
  });
  await pipeline(response, createWriteStream(file)).catch((error: unknown) => {
    throw problem(`${url} cannot be fetched: ${reasonOf(error)}`, error);
  });
  const found = hash.digest('hex');
  if (found !== sha256) throw problem(`${url} has the checksum ${found}, and ${sha256} is signed for`);
}
