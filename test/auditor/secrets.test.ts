import { randomBytes } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { LiteralSearch } from '../../auditor/secrets/literals.ts';
import { contentOf, SecretSearch } from '../../auditor/secrets/search.ts';
import { SAMPLES } from './samples.ts';

const search = new SecretSearch();

function rulesIn(text: string | Buffer, path: string | null): string[] {
  const found = search.search(contentOf(Buffer.from(text), path)).map(({ rule }) => rule);
  return [...new Set(found)];
}

describe.each(Object.entries(SAMPLES))('%s', (_, { text, rule, inFilesOnly = false }) => {
  test('is found in a file, where it begins', () => {
    const before = `first line\n${'x = 1\n'.repeat(20)}`;
    const found = search.search(contentOf(Buffer.from(`${before}${text}\nlast line\n`), '/etc/app'));
    const own = found.find((each) => each.rule === rule);
    expect(own?.offset).toBeGreaterThanOrEqual(before.length);
    expect(own?.offset).toBeLessThan(before.length + text.length);
  });

  test(`is ${inFilesOnly ? 'not looked for' : 'found between bytes that are no text,'} where there is no file`, () => {
    const noise = Buffer.alloc(3000, 0xe9);
    expect(rulesIn(Buffer.concat([noise, Buffer.from(text), noise]), null)).toEqual(inFilesOnly ? [] : [rule]);
  });
});

test('what only looks like a secret is none', () => {
  const harmless = [
    'password = getPassword(user)',
    'password: $DB_PASSWORD_1',
    'password=changeme123',
    'secret = config.client_secret_value',
    'SECRET_FILE=/run/secrets/app1',
    'https://user:password@example.com/',
    'machine example login user password <secret>',
    '-----BEGIN PRIVATE KEY-----\n...\n-----END PRIVATE KEY-----',
    '-----BEGIN PUBLIC KEY-----\nMIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA1234\n-----END PUBLIC KEY-----',
    'root:*:19000:0:99999:7:::',
    `AKIAIOSFODNN7EXAMPLE ${'wJalrXUtnFEMI/K7MDENG/'}${'bPxRfiCYEXAMPLEKEY'}`,
  ];
  for (const text of harmless) expect([text, rulesIn(text, '/etc/app')]).toEqual([text, []]);
});

test('a file cannot say that nobody shall look at it', () => {
  const token = SAMPLES['a token of GitHub']?.text ?? '';
  expect(rulesIn(`// secretlint-disable\n${token}`, '/srv/app.js')).toEqual(['@secretlint/secretlint-rule-github']);
});

test('one that lies over the border of what is read at a time is found, and once', () => {
  const { text, rule } = SAMPLES['a private key'] ?? { text: '', rule: '' };
  for (const at of [1024 * 1024 - 700, 1024 * 1024 - 1, 1024 * 1024, 2 * 1024 * 1024 - 5]) {
    const content = Buffer.alloc(4 * 1024 * 1024);
    content.write(text, at);
    expect(search.search(contentOf(content, null))).toEqual([{ rule, offset: at }]);
  }
});

test('the same rule in the same 4 KiB is told once', () => {
  const tokens = Array.from({ length: 5 }, (_, each) => `ghp_${String(each).repeat(36)}\n`).join('');
  const content = Buffer.alloc(8192);
  content.write(tokens, 100);
  content.write(tokens, 5000);
  expect(search.search(contentOf(content, null)).map(({ offset }) => offset)).toEqual([100, 5000]);
});

test('literals are found as a search for each of them finds them, wherever they lie', () => {
  const literals = ['abc', 'bcd', 'abcd', 'xyz-', 'aaa'];
  // Of few letters, so that all of them come up.
  const bytes = Buffer.from(randomBytes(200_001).map((byte) => 'aabbccdxyz-'.charCodeAt(byte % 11)));
  bytes.fill(0, 65_536, 140_000);
  const expected = literals.map((literal) => {
    const places: number[] = [];
    for (let at = bytes.indexOf(literal); at !== -1; at = bytes.indexOf(literal, at + 1)) places.push(at);
    return places;
  });
  for (const skipped of [0, 1]) {
    const found: number[][] = literals.map(() => []);
    new LiteralSearch(literals).search(bytes.subarray(skipped), (literal, at) => found[literal]?.push(at + skipped));
    expect(found).toEqual(expected.map((places) => places.filter((at) => at >= skipped)));
  }
});
