import { describe, expect, test } from 'vitest';
import { changed, failure, shipped } from './shipped.ts';

function size(value: string): string {
  return changed('sizeGiB: 32 } # 8', `sizeGiB: ${value} } # 8`);
}

describe('each mistake is told once, with what was found and what to write', () => {
  test.each([
    ['ownerId', changed('"099720109477"', '099720109477'), '099720109477 (a number)', 'in quotes: "099720109477"'],
    ['ref', changed('ref: main', 'ref: 1234567'), 'found 1234567', 'in quotes: "1234567"'],
    ['sha', changed(/driverSha256: .*/, `driverSha256: ${'1'.repeat(64)}`), '1'.repeat(64), `"${'1'.repeat(64)}"`],
    ['driverVersion', changed('driverVersion: 580.178.04', 'driverVersion: 580.10'), '580.10', '"580.10"'],
    ['sizeGiB in quotes', size('"32"'), 'a whole number from 1 to 16384, found "32"', 'write 32, without quotes'],
    ['sizeGiB with _', size('1_000'), 'found 1_000', 'write 1000'],
    ['sizeGiB .inf', size('.inf'), 'found .inf', 'for example 32'],
    ['sizeGiB null', size('null'), 'found nothing', 'for example 32'],
    ['sizeGiB 0', size('0'), 'from 1 to 16384, found 0', 'for example 32'],
    ['lab', changed('lab: true', 'lab: yes'), 'expected true or false, found yes', 'write true'],
    ['codename', changed('codename: focal', 'codename: Focal'), 'found Focal', 'did you mean focal?'],
    ['distribution', changed('distribution: ubuntu', 'distribution: Ubuntu'), 'found Ubuntu', 'did you mean ubuntu?'],
    ['transport', changed('transport: ssh', 'transport: shh'), 'found shh', 'did you mean ssh?'],
    ['a profile name', changed('  g3s-focal:', '  g3s/focal:'), 'found g3s/focal', 'did you mean g3s-focal?'],
    ['a region name', changed('  us-east-2:', '  us/east/2:'), 'found us/east/2', 'did you mean us-east-2?'],
    ['profiles', changed('\nprofiles:', '\nprofils:'), 'unknown key', 'did you mean profiles?'],
    ['a renamed key', changed('instanceType: t3', 'instancetype: t3'), 'unknown key', 'did you mean instanceType?'],
    [
      'a scp address',
      changed('http://lab.internal/git/container-images.git', 'git@github.com:a/b'),
      'git@',
      'https://github.com/a/b',
    ],
    [
      'a password',
      changed('http://lab.internal/git', 'https://u:p@github.com/git'),
      'without a password',
      'write https://github.com/',
    ],
    [
      'an ARN',
      changed('instanceProfile: ecs-host', 'instanceProfile: arn:aws:iam::1:instance-profile/a'),
      'ARN',
      'write a',
    ],
    ['version', changed('version: 1', 'version: 2'), 'expected 1, found 2', 'write 1'],
    ['description', changed(/description: Debian.*/, 'description: ""'), 'one line of text', 'for example'],
    ['a long one', changed(/description: Debian.*/, `description: ${'x'.repeat(201)}`), 'at most 200', 'shorten'],
    ['nvidia', changed(/ {4}nvidia:\n(?: {6}.*\n)+/, '    nvidia: {}\n'), 'are missing', 'driverVersion'],
    ['os', changed(/os: \{ distribution: debian.*/, 'os:'), 'a mapping, found nothing', 'distribution, codename'],
    [
      'a profile under another name',
      changed('like: g3s-focal', 'like: g3s-focus', changed('  g3s-focal:', '  g3s-focus:')),
      'no profile g3s-focal',
      'did you mean g3s-focus? (also in region us-east-1)',
    ],
    [
      'keys too far left',
      changed(
        / {4}os: \{ distribution: debian.*/,
        '    os:\n    distribution: debian\n    codename: bookworm\n    sshUser: admin',
      ),
      'nothing is below this key',
      'indent distribution, codename, sshUser',
    ],
    ['a lab by mistake', changed('  us-east-2:\n', '  us-east-2:\n    lab: true\n'), 'needs apiRegion', 'us-west-2'],
    ['a misspelt lab', changed('lab: true', 'labb: true'), 'unknown key', 'did you mean lab?'],
    ['no transport', changed('    transport: ssh\n', ''), 'sshSourceCidrs means nothing', 'set transport: ssh'],
    ['another agent', changed('source: lab-stand-in', 'source: aws'), 'needs `package`', 'https://'],
    ['the stand-in with a package', changed('source: aws\n', 'source: lab-stand-in\n'), 'would be ignored', 'remove'],
    [
      'an address that is none',
      changed('["lab.internal:5000"]', '["300.1.1.1:5000"]'),
      'found "300.1.1.1:5000"',
      'for example',
    ],
    ['a deb for Arm', changed('amd64.deb', 'arm64.deb'), 'arm64 is for Arm', 'amd64'],
    ['a missing ref', changed('      ref: main\n', ''), 'there is no ref', 'ref'],
    ['a list for a mapping', changed('lab: true', 'lab: [true]'), 'found a list', 'true'],
    ['twice', changed('[10.0.0.0/8]', '[10.0.0.0/8, 10.0.0.0/8]'), 'twice', 'remove one'],
    [
      'no profiles',
      `version: 1
profiles: {}
regions: { a: { profile: x, apiRegion: us-east-2, securityGroup: a, instanceProfile: b } }
`,
      'at least one',
      'add one',
    ],
  ])('%s', (_what, text, reason, hint) => {
    const { details } = failure(text);
    expect(details).toHaveLength(1);
    expect(details[0]?.reason).toContain(reason);
    expect(details[0]?.hint).toContain(hint);
  });
});

describe('YAML in words', () => {
  test.each([
    ['nothing', '', '1:1', 'empty'],
    ['a comment', '# nothing\n', '1:1', 'empty'],
    ['text', 'just text', '1:1', 'expected a mapping, found just text'],
    ['an open list', 'version: 1\nprofiles: [\n', undefined, 'missing'],
    ['an open quote', 'version: "1\n', undefined, 'no closing "'],
    [
      'a key twice',
      'version: 1\n# x\nversion: 1\n',
      '3:1',
      'the key version stands twice in this mapping, first in line 1',
    ],
    ['two documents', `${shipped}---\nversion: 1\n`, undefined, 'a second document'],
    ['deep brackets', `a: ${'['.repeat(100_000)}`, '1:104', 'levels are nested'],
    ['deep dashes', '- '.repeat(100_000), '1:1', 'levels are nested'],
    [
      'deep mappings',
      Array.from({ length: 80 }, (_, at) => `${' '.repeat(at)}a:\n`).join(''),
      undefined,
      'levels are nested',
    ],
    ['an alias without an anchor', 'version: 1\nprofiles: *x\n', '2:11', 'no anchor &x'],
    ['an alias in itself', 'a: &a [*a]', '1:8', 'inside of what it stands for'],
    [
      'an alias bomb',
      [
        'a: &a [1,1,1,1,1,1,1,1,1]',
        ...[...'bcdefg'].map((name, at) => `${name}: &${name} [${Array(9).fill(`*${'abcdef'[at]}`)}]`),
      ].join('\n'),
      '1:1',
      'values once its aliases',
    ],
    ['a colon alone', 'version: 1\n: x\n', '2:1', 'a colon without a key'],
    ['a list as key', '[a]: 1\n', '1:1', 'where a key is expected'],
    ['a tab', 'version: 1\nprofiles:\n\ta: 1\n', undefined, 'a tab'],
    ['a line without a colon', 'version: 1\nprofiles\nregions: {}\n', undefined, 'no "key: value"'],
    ['two colons', 'version: 1: 2\n', undefined, 'two keys stand on one line'],
    ['an at sign', 'version: @1\n', undefined, 'cannot begin with @'],
    ['a tag', 'version: !x 1\n', undefined, 'tags (!)'],
    ['an escape', 'version: "\\q"\n', undefined, 'a backslash in double quotes'],
    ['CR alone', 'version: 1\rprofiles: {}\r', '1:11', 'CR alone'],
    ['a text of a megabyte', `version: ${'x'.repeat(1_000_000)}`, '1:10', '1000000 characters'],
    ['a key of a megabyte', `${'x'.repeat(1_000_000)}: 1`, undefined, 'characters'],
    ['a million brackets', '[]'.repeat(500_000), '1:1', 'far more than a hosts.yaml needs'],
    [
      'too many keys',
      Array.from({ length: 2001 }, (_, at) => `k${at}: 1\n`).join(''),
      '1:1',
      '2001 keys stand in one mapping',
    ],
    ['too many aliases', `a: &a 1\nb: [${Array(1001).fill('*a')}]\n`, undefined, 'more than 1000 aliases'],
    ['a merge of text', 'a: &a x\nb:\n  <<: *a\n', '3:3', '<<'],
  ])('%s', (_what, text, where, reason) => {
    const { details } = failure(text);
    expect(details).toHaveLength(1);
    expect(details[0]).toMatchObject({
      where: where === undefined ? expect.stringMatching(/:[1-9]\d*:[1-9]\d*$/) : `hosts.yaml:${where}`,
      reason: expect.stringContaining(reason),
      hint: expect.stringMatching(/\S/),
    });
    expect(JSON.stringify(details)).not.toMatch(
      /Map keys|implicit|parseAllDocuments|call stack|resource exhaustion|RegExp/i,
    );
  });
});

test('what a terminal would obey is not passed on', () => {
  const text = changed('version: 1', 'version: 1\n"\\e[31mx\\e]0;title\\a\\n\\0": 1\n"y\\u202e": "\\e"');
  const { details } = failure(text);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what this is about.
  expect(details.map(({ key, reason, hint }) => `${key}${reason}${hint}`).join('')).not.toMatch(/[\u0000-\u001f]/);
});

test('fifty mistakes are shown and the rest is counted, in little time and text', () => {
  const start = performance.now();
  const error = failure(`${shipped}${Array.from({ length: 1500 }, (_, at) => `key${at}: 1\n`).join('')}`);
  expect(error.message).toBe('hosts.yaml has 1500 mistakes.');
  expect(error.hint).toContain('1450 more');
  expect(error.details).toHaveLength(50);
  expect(JSON.stringify(error.details).length).toBeLessThan(50 * 1000);
  expect(performance.now() - start).toBeLessThan(5000);
});
