import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { expect, test } from 'vitest';
import { parseHostConfig, waitForConfig } from '../../hostd/config.ts';
import { createLog } from '../../hostd/log.ts';

const GOOD = {
  version: 1,
  webserverUrl: 'https://web.example.com:8443',
  webserverCa: null,
  environment: 'prod',
};
const parse = (change: object): unknown => parseHostConfig(JSON.stringify({ ...GOOD, ...change }));

test('a good configuration is completed', () => {
  expect(parse({})).toEqual({ ...GOOD, drainSeconds: 60 });
  expect(parse({ webserverUrl: 'https://web.example.com/', drainSeconds: 0 })).toEqual({
    ...GOOD,
    webserverUrl: 'https://web.example.com',
    drainSeconds: 0,
  });
});

test.each([
  'http://web.example.com',
  'https://user:secret@web.example.com',
  'https://web.example.com/path',
  'https://web.example.com?token=x',
  'https://web.example.com#x',
  'https://web.example.com:99999',
  'https://',
  'web.example.com',
  7,
])('webserverUrl %j is refused, and not repeated', (webserverUrl) => {
  expect(parse({ webserverUrl })).toEqual({ problem: 'webserverUrl is not https://host[:port] with nothing after it' });
});

test('all mistakes at once, each with its key', () => {
  expect(
    parse({
      version: 2,
      webserverCa: 'x',
      environment: 'Prod!',
      drainSeconds: 1.5,
      drainseconds: 3,
      webserverUrl: undefined,
    }),
  ).toEqual({
    problem: [
      'webserverUrl is missing',
      'drainseconds is no key of this file',
      'version is not 1, the version of this format',
      "webserverCa is not null (the system's trust store, update-ca-certificates, and Node's own list), or the PEM certificate of the authority that signs the webserver's",
      'environment is not a name of lower-case letters, digits and dashes',
      'drainSeconds is not a whole number from 0 to 3600: how long tasks may take to end when the host leaves, in seconds',
    ].join('; '),
  });
});

test.each(['[]', 'null', '"text"', '7'])('%s is no configuration', (text) => {
  expect(parseHostConfig(text)).toEqual({ problem: 'it is not a JSON object' });
});

test('what is not JSON says where', () => {
  expect(parseHostConfig('{"version":1,')).toEqual({ problem: 'it is not JSON (line 1 column 14)' });
});

test('what is not JSON is not quoted', () => {
  for (const text of ['secret', '{"a":secret}', '{"token":"s3cret" "x"}'])
    expect(JSON.stringify(parseHostConfig(text))).not.toMatch(/s[e3]cret/);
});

test.each([
  ['a named pipe', (path: string) => execa('mkfifo', [path]), 'it is no file'],
  ['a folder', (path: string) => mkdir(path), 'it is no file'],
  ['one that is too large', (path: string) => writeFile(path, 'x'.repeat(70_000)), 'it is larger than 65536 bytes'],
  ['a link to itself', (path: string) => symlink(path, path), 'it cannot be read (ELOOP)'],
])('%s is said, and not waited for', async (_, make, problem) => {
  const folder = await mkdtemp(join(tmpdir(), 'ecs-config-'));
  const path = join(folder, 'host.json');
  await make(path);
  const over = new AbortController();
  const waiting = waitForConfig(path, {
    log: createLog(() => undefined),
    onWaiting: async (text) => {
      expect(text).toBe(`waiting for ${path}: ${problem}`);
      over.abort();
    },
    signal: over.signal,
  });
  await expect(waiting).rejects.toThrow();
  await rm(folder, { recursive: true });
});
