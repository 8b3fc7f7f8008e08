import { expect, test } from 'vitest';
import { parseHostConfig } from '../../hostd/config.ts';

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
      "webserverCa is not null (the system's trust store), or the PEM certificate of the authority that signs the webserver's",
      'environment is not a name of lower-case letters, digits and dashes',
      'drainSeconds is not a whole number from 0 to 3600: how long tasks may take to end when the host leaves, in seconds',
    ].join('; '),
  });
});

test.each(['[]', 'null', '"text"', '7'])('%s is no configuration', (text) => {
  expect(parseHostConfig(text)).toEqual({ problem: 'it is not a JSON object' });
});

test('what is not JSON says where', () => {
  expect(parseHostConfig('{"version":1,')).toEqual({ problem: expect.stringMatching(/^not JSON: /) });
});
