import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { exists } from './files.ts';
import { tool, toolUntil } from './tool.ts';

export async function sha256Of(file: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(file), hash);
  return hash.digest('hex');
}

/** @throws Error when the file is another one; it is removed, so that nobody takes it for the right one */
export async function requireSha256(file: string, expected: string): Promise<void> {
  const actual = await sha256Of(file);
  if (actual === expected) return;
  await rm(file, { force: true });
  throw new Error(`${file} has sha256 ${actual}, and ${expected} is pinned`);
}

/** On a disk: a driver is larger than what a tmpfs should hold. */
const AHEAD = '/var/tmp/ecs-host-downloads';
/** What is fetched ahead: its file, or null where that failed. */
const ahead = new Map<string, Promise<string | null>>();
let ending = new AbortController();

async function fetchAhead(url: string, file: string, signal: AbortSignal): Promise<string | null> {
  return curl(toolUntil(signal), url, file).then(
    () => file,
    () => null,
  );
}

/** Removes what a run that was killed had fetched ahead. @returns whether there was anything */
export async function dropDownloads(): Promise<boolean> {
  const isThere = await exists(AHEAD);
  if (isThere) await rm(AHEAD, { recursive: true, force: true });
  return isThere;
}

/** Begins to fetch files that `download` will be asked for, side by side. Whoever calls it ends with `endDownloads`. */
export async function beginDownloads(urls: readonly string[]): Promise<void> {
  if (urls.length === 0) return;
  await dropDownloads();
  await mkdir(AHEAD, { mode: 0o700 });
  for (const [at, url] of urls.entries()) ahead.set(url, fetchAhead(url, `${AHEAD}/${at}`, ending.signal));
}

/** Ends what was begun and that nobody has asked for, and leaves nothing of it. */
export async function endDownloads(): Promise<void> {
  if (ahead.size === 0) return;
  ending.abort();
  await Promise.all(ahead.values());
  ahead.clear();
  ending = new AbortController();
  await dropDownloads();
}

/** Fetches over https only, and tries again where that may help; what was fetched ahead is there, or soon. */
export async function download(url: string, file: string): Promise<void> {
  await mkdir(dirname(file), { recursive: true });
  const fetched = await ahead.get(url);
  if (fetched && (await exists(fetched))) await tool`mv ${fetched} ${file}`;
  else await curl(tool, url, file);
}

async function curl(run: typeof tool, url: string, file: string): Promise<void> {
  // The URL first: a message has no room for the whole command.
  await run`curl ${url} --fail --silent --show-error --location --proto =https --proto-redir =https --retry 5 --retry-connrefused --retry-delay 2 --connect-timeout 20 --output ${file}`;
}
