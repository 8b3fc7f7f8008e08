import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { rootCertificates } from 'node:tls';
import { execa } from 'execa';
import { expect, test } from 'vitest';
import { parseHostConfig, waitForConfig } from '../../hostd/config.ts';
import { createLog } from '../../hostd/log.ts';
import { tempFolder } from '../support/temp-folder.ts';

const GOOD = {
  version: 1,
  webserverUrl: 'https://web.example.com:8443',
  webserverCa: null,
  environment: 'prod',
};
const DEFAULTS = { drainSeconds: 60, powerOffSeconds: 3600, rebalance: 'tell' };
function parse(change: object): unknown {
  return parseHostConfig(JSON.stringify({ ...GOOD, ...change }));
}

test('a good configuration is completed', () => {
  expect(parse({})).toEqual({ ...GOOD, ...DEFAULTS });
  expect(parse({ webserverUrl: 'https://web.example.com/', drainSeconds: 0 })).toEqual({
    ...GOOD,
    ...DEFAULTS,
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
      "webserverCa is not null (the system's trust store, update-ca-certificates, and Node's own list), " +
        "or in PEM the certificate (or several) of the authority that signs the webserver's",
      'environment is not a name of lower-case letters, digits and dashes',
      'drainSeconds is not a whole number from 0 to 3600: how long tasks may take to end when the host leaves, ' +
        'in seconds (at most 90 after an interruption notice of EC2)',
    ].join('; '),
  });
});

test.each([
  [{ powerOffSeconds: null }, null],
  [{ powerOffSeconds: 0, rebalance: 'drain' }, null],
  [{ powerOffSeconds: -1 }, 'powerOffSeconds is not null (never), or a whole number from 0 to 604800'],
  [{ powerOffSeconds: 0.5 }, 'powerOffSeconds is not null (never), or a whole number from 0 to 604800'],
  [{ powerOffSeconds: '60' }, 'powerOffSeconds is not null (never), or a whole number from 0 to 604800'],
  [{ rebalance: true }, 'rebalance is not tell (the host says so and goes on) or drain'],
])('%j: %s', (change, problem) => {
  expect(parse(change)).toEqual(
    problem === null ? { ...GOOD, ...DEFAULTS, ...change } : { problem: expect.stringContaining(problem) },
  );
});

test.each(['[]', 'null', '"text"', '7'])('%s is no configuration', (text) => {
  expect(parseHostConfig(text)).toEqual({ problem: 'it is not a JSON object' });
});

test('a file that is another one altogether is not told whole', () => {
  const { problem } = parse(Object.fromEntries(Array.from({ length: 1000 }, (_, index) => [`key${index}`, 1]))) as {
    problem: string;
  };
  expect(problem.split('; ')).toHaveLength(11);
  expect(problem).toMatch(/; 990 more$/);
});

const [ONE = '', OTHER = ''] = rootCertificates;
const KEY = '-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n';

test.each([ONE, `${ONE}\n`, `Subject: CN = "x"\n${ONE}\n${OTHER}\n`, ONE.replaceAll('\n', '\r\n')])(
  'webserverCa may be certificates in PEM: %#',
  (webserverCa) => {
    expect(parse({ webserverCa })).toMatchObject({ webserverCa });
  },
);

test.each([
  '',
  '-----BEGIN CERTIFICATE-----',
  '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n',
  ONE.slice(0, -40),
  ONE.replace(/\n.{20}/, '\n'),
  `${ONE}\n${OTHER.slice(0, 200)}`,
  `${ONE}\n${KEY}`,
  '/etc/ssl/certs/ca-certificates.crt',
])('webserverCa that cannot be used is said before anybody is asked: %#', (webserverCa) => {
  expect(parse({ webserverCa })).toEqual({ problem: expect.stringMatching(/^webserverCa is not null \(/) });
});

test.each([
  ['{"version":1,', 1, 14],
  ['', 1, 1],
  ['{\n  "version": 1,\n  "webserverUrl": https://a\n}', 3, 19],
  ['{"a": secret}', 1, 7],
  ['{"a":}', 1, 6],
  ['[1,]', 1, 4],
  ['{"line 5 column 7": (line 9 column 9)', 1, 21],
  ['{"token":"s3cret" "x"}', 1, 19],
  ['{"token":"s3cret', 1, 17],
  ['['.repeat(60_000), 1, 60_001],
])('%# what is not JSON says where, and is not quoted', (text, line, column) => {
  expect(parseHostConfig(text)).toEqual({ problem: `it is not JSON (line ${line} column ${column})` });
});

test.each([
  ['a named pipe', (path: string) => execa('mkfifo', [path]), 'it is no file'],
  ['a folder', (path: string) => mkdir(path), 'it is no file'],
  ['one that is too large', (path: string) => writeFile(path, 'x'.repeat(70_000)), 'it is larger than 65536 bytes'],
  ['one that claims no size', (path: string) => symlink('/proc/kallsyms', path), 'it is larger than 65536 bytes'],
  ['a device', (path: string) => symlink('/dev/zero', path), 'it is no file'],
  ['a link to itself', (path: string) => symlink(path, path), 'it cannot be read (ELOOP)'],
])('%s is said, and not waited for', async (_, make, problem) => {
  const path = join(tempFolder(), 'host.json');
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
});
