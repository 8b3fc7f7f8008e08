import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { tool } from './tool.ts';

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

/** Fetches over https only, and tries again where that may help. */
export async function download(url: string, file: string): Promise<void> {
  await mkdir(dirname(file), { recursive: true });
  await tool`curl --fail --silent --show-error --location --proto =https --proto-redir =https --retry 5 --retry-connrefused --retry-delay 2 --connect-timeout 20 --output ${file} ${url}`;
}
