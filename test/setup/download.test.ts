import { createHash, randomBytes } from 'node:crypto';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { download, parseChecksums } from '../../scripts/setup-lib/download.mjs';
import { tempFolder } from '../support/temp-folder.ts';

const content = randomBytes(300_000);
const sha256 = createHash('sha256').update(content).digest('hex');

/** What the server does with the next request; ranges are honoured unless it says otherwise. */
type Behaviour = 'whole' | 'ranges' | 'breaks-off' | 'other-content' | 'not-found';
let behaviour: Behaviour;
let ranges: (string | undefined)[];
let server: Server;
let folder: string;
let url: string;
let file: string;

beforeEach(async () => {
  behaviour = 'ranges';
  ranges = [];
  folder = tempFolder();
  file = join(folder, 'tool.zip');
  server = createServer((request, response) => {
    ranges.push(request.headers.range);
    if (behaviour === 'not-found') return void response.writeHead(404).end();
    if (behaviour === 'breaks-off') {
      response.writeHead(200, { 'content-length': content.length });
      response.write(content.subarray(0, 100_000), () => setTimeout(() => response.destroy(), 20));
      return;
    }
    const body = behaviour === 'other-content' ? Buffer.alloc(content.length) : content;
    const from = Number(/bytes=(\d+)-/.exec(request.headers.range ?? '')?.[1] ?? 0);
    if (from > 0 && behaviour !== 'whole') {
      if (from >= body.length) return void response.writeHead(416).end();
      response.writeHead(206, { 'content-length': body.length - from }).end(body.subarray(from));
    } else response.writeHead(200, { 'content-length': body.length }).end(body);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/tool.zip`;
});
afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

test('a file gets its name when it is whole, and is not fetched twice', async () => {
  const seen: number[] = [];
  await download({ url, sha256, file, onProgress: (received) => seen.push(received) });
  expect(content.equals(await readFile(file))).toBe(true);
  expect(seen.at(-1)).toBe(content.length);
  await download({ url, sha256, file });
  expect(ranges).toHaveLength(1);
});

test('an interrupted download goes on where it stopped', async () => {
  behaviour = 'breaks-off';
  await expect(download({ url, sha256, file })).rejects.toMatchObject({ kind: 'outside', exitCode: 3, where: url });
  expect(await readdir(folder)).toEqual(['tool.zip.part']);

  behaviour = 'ranges';
  await download({ url, sha256, file });
  expect(ranges).toEqual([undefined, expect.stringMatching(/^bytes=[1-9]\d*-$/)]);
  expect(content.equals(await readFile(file))).toBe(true);
  expect(await readdir(folder)).toEqual(['tool.zip']);
});

test('a server without ranges sends it all again', async () => {
  await writeFile(`${file}.part`, content.subarray(0, 1000));
  behaviour = 'whole';
  await download({ url, sha256, file });
  expect(content.equals(await readFile(file))).toBe(true);
});

test('what has another checksum is refused and thrown away', async () => {
  behaviour = 'other-content';
  const refused = download({ url, sha256, file });
  await expect(refused).rejects.toMatchObject({ kind: 'outside', hint: expect.stringContaining(sha256) });
  expect(await readdir(folder)).toEqual([]);
});

test('a wrong beginning from an earlier try does not poison the file for ever', async () => {
  await writeFile(`${file}.part`, Buffer.alloc(content.length));
  await expect(download({ url, sha256, file })).rejects.toThrow('thrown away');
  await download({ url, sha256, file });
  expect(content.equals(await readFile(file))).toBe(true);
});

test('a refusal of the server is an outside failure with the address', async () => {
  behaviour = 'not-found';
  await expect(download({ url, sha256, file })).rejects.toMatchObject({ exitCode: 3, where: url, message: /404/ });
});

test('checksum files are read as sha256sum writes them', () => {
  const sums = parseChecksums(`# why\n${sha256}  one.zip\n${sha256} *two.zip\nnot a sum  three.zip\n`);
  expect([...sums.keys()]).toEqual(['one.zip', 'two.zip']);
});
