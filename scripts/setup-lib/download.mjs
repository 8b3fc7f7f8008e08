import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir, rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { SetupError } from './errors.mjs';

/**
 * @param {string} file
 * @returns {Promise<string>} lower-case hex
 */
export const sha256File = async (file) => {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(file)) hash.update(chunk);
  return hash.digest('hex');
};

/**
 * `SHA256  NAME` lines, as sha256sum writes them; `#` starts a comment.
 *
 * @param {string} text
 * @returns {Map<string, string>} by name
 */
export const parseChecksums = (text) => {
  const sums = new Map();
  for (const line of text.split('\n')) {
    const match = /^([0-9a-f]{64}) [ *](\S+)$/.exec(line.trimEnd());
    if (match) sums.set(match[2], match[1]);
  }
  return sums;
};

/**
 * Fetches a file, goes on where an interrupted try ended, and gives it its name only when it has the expected content.
 *
 * @param {{ url: string, sha256: string, file: string, onProgress?: (received: number, total: number | null) => void,
 *           signal?: AbortSignal }} options
 * @throws {SetupError} outside, when it cannot be fetched or is not what it should be
 */
export const download = async (options) => {
  const { url, sha256, file } = options;
  if (
    await sha256File(file).then(
      (found) => found === sha256,
      () => false,
    )
  )
    return;
  const partial = `${file}.part`;
  await mkdir(dirname(file), { recursive: true });
  await fetchRest(options, partial);
  const found = await sha256File(partial);
  if (found !== sha256) {
    await rm(partial, { force: true });
    throw new SetupError('outside', 'a download is not what it should be, and was thrown away', {
      where: url,
      hint: `expected SHA-256 ${sha256}\nfound            ${found}\nsomething between here and there changes it, or it was replaced`,
    });
  }
  await rename(partial, file);
};

/**
 * @param {{ url: string, onProgress?: (received: number, total: number | null) => void, signal?: AbortSignal }} options
 * @param {string} partial
 */
const fetchRest = async (options, partial) => {
  const have = (await stat(partial).catch(() => null))?.size ?? 0;
  try {
    const response = await fetch(options.url, {
      headers: have > 0 ? { range: `bytes=${have}-` } : {},
      signal: options.signal ?? null,
    });
    // 416: the partial file is already whole, or longer; its checksum decides.
    if (response.status === 416) return;
    if (!response.ok || response.body === null) throw new Error(`the server answered ${response.status}`);
    const resumed = response.status === 206;
    const length = Number(response.headers.get('content-length')) || null;
    let received = resumed ? have : 0;
    const total = length === null ? null : length + received;
    const counted = async function* (/** @type {AsyncIterable<Uint8Array>} */ source) {
      for await (const chunk of source) {
        received += chunk.length;
        options.onProgress?.(received, total);
        yield chunk;
      }
    };
    const body = Readable.fromWeb(/** @type {import('node:stream/web').ReadableStream} */ (response.body));
    await pipeline(body, counted, createWriteStream(partial, { flags: resumed ? 'a' : 'w' }));
  } catch (error) {
    if (options.signal?.aborted) throw error;
    const cause = error instanceof Error && error.cause instanceof Error ? `: ${error.cause.message}` : '';
    throw new SetupError('outside', `a download failed (${error instanceof Error ? error.message : error}${cause})`, {
      where: options.url,
      hint: 'check the network, then start again: it goes on where it stopped',
    });
  }
};
