import { describe, expect, test } from 'vitest';
import { parseConfig } from '../../src/config/load.ts';
import { changed, failure, shipped } from './shipped.ts';

const BASE = shipped.slice(shipped.indexOf('  g3s-focal:'), shipped.indexOf('  # Successors'));
const REGIONS = shipped.slice(shipped.indexOf('\nregions:'), shipped.indexOf('  # The lab'));

/** A configuration of the shipped host profile and others that are like it. */
function withProfiles(others: string, base = BASE): string {
  return `version: 1\nprofiles:\n${base}${others}${REGIONS}`;
}

function lineOf(text: string, part: string): number {
  expect(text).toContain(part);
  return text.slice(0, text.indexOf(part)).split('\n').length;
}

function told(text: string): string[] {
  return failure(text).details.map(({ where, key, code }) => `${where?.split(':')[1]} ${key} ${code}`);
}

describe('a profile that is like another', () => {
  const { profiles } = parseConfig(shipped, 'hosts.yaml').config;

  test('has what the other has, but for what it says', () => {
    const { like, ...g4dn } = profiles['g4dn-jammy'] ?? {};
    const base = profiles['g3s-focal'];
    expect(like).toBe('g3s-focal');
    expect(g4dn).toEqual({
      ...base,
      description: expect.stringContaining('g4dn.xlarge'),
      os: { ...base?.os, codename: 'jammy' },
      baseImage: { ...base?.baseImage, name: 'ubuntu/images/hvm-ssd/ubuntu-jammy-22.04-amd64-server-*' },
      instanceType: 'g4dn.xlarge',
      nvidia: { ...base?.nvidia, kernelModule: 'open' },
    });
  });

  test('has the one of two keys that exclude each other which it names itself', () => {
    const of = (own: string, base = BASE) => {
      const text = withProfiles(`  other:\n    like: g3s-focal\n${own}`, base);
      return parseConfig(text, 'hosts.yaml').config.profiles['other'];
    };
    const listed = BASE.replace('instanceType: g3s.xlarge', 'instanceTypes: [g3s.xlarge]');
    expect(of('    instanceType: g3s.xlarge\n', listed)).not.toHaveProperty('instanceTypes');
    expect(of('    instanceTypes: [g3s.xlarge]\n')).not.toHaveProperty('instanceType');
    const cloned = of('    workload: { repository: https://git.example.com/a, ref: main }\n');
    expect(cloned?.workload).toEqual({ ...profiles['g3s-focal']?.workload, ...cloned?.workload, folder: undefined });
    const credential = 'credential: { kind: token, secret: a }';
    const repository = `repository: https://git.example.com/a\n      ref: main\n      ${credential}`;
    const asBase = BASE.replace('folder: examples/container-images', repository);
    expect(Object.keys(of('    workload: { folder: examples }\n', asBase)?.workload ?? {})).not.toContain('ref');
    const opened = of('    workload: { credential: { parameter: b } }\n', asBase)?.workload.credential;
    expect(opened).toEqual({ kind: 'token', parameter: 'b' });
  });

  test('may be like one that is like a third', () => {
    expect(profiles['g6-noble']).toMatchObject({
      os: { distribution: 'ubuntu', codename: 'noble', sshUser: 'ubuntu' },
      baseImage: { ownerId: '099720109477', name: 'ubuntu/images/hvm-ssd-gp3/ubuntu-noble-24.04-amd64-server-*' },
      nvidia: { kernelModule: 'open', driverVersion: '580.178.04' },
      workload: profiles['g3s-focal']?.workload,
    });
  });

  test('may stand before the other', () => {
    const text = `version: 1\nprofiles:\n  g5:\n    like: g3s-focal\n    instanceType: g3s.xlarge\n${BASE}${REGIONS}`;
    expect(parseConfig(text, 'hosts.yaml').config.profiles['g5']?.os.codename).toBe('focal');
  });

  test('replaces a list, and leaves out what it says nothing for', () => {
    const base = BASE.replace(
      'transport: session-manager',
      'transport: ssh\n    sshSourceCidrs: [10.0.0.0/8, 192.0.2.0/24]',
    );
    const others = [
      '  one:\n    like: g3s-focal\n    sshSourceCidrs: [198.51.100.0/24]\n',
      '  two:\n    like: g3s-focal\n    transport: session-manager\n    sshSourceCidrs: null\n    swapMiB:\n',
    ].join('');
    const { one, two } = parseConfig(withProfiles(others, base), 'hosts.yaml').config.profiles;
    expect(one?.sshSourceCidrs).toEqual(['198.51.100.0/24']);
    expect(two).not.toHaveProperty('sshSourceCidrs');
    expect(two).not.toHaveProperty('swapMiB');
  });

  test('is checked by the rules as a whole, and warned of as the profile that it is', () => {
    const text = withProfiles('  big:\n    like: g3s-focal\n    instanceType: g3.4xlarge\n');
    const { warnings } = parseConfig(text, 'hosts.yaml');
    expect(warnings.filter(({ code }) => code === 'INSTANCE_TYPE_RETIRED').map(({ key }) => key)).toEqual([
      'profiles.g3s-focal.instanceType',
      'profiles.big.instanceType',
    ]);
  });
});

describe('a mistake is told where it stands', () => {
  test('in the profile that says it', () => {
    const text = withProfiles('  g5:\n    like: g3s-focal\n    nvidia: { kernelModule: opne }\n');
    expect(told(text)).toEqual([`${lineOf(text, 'opne')} profiles.g5.nvidia.kernelModule VALUE_UNKNOWN`]);
  });

  test('in the other, once, however many are like it', () => {
    const others = [
      '  g5:\n    like: g3s-focal\n',
      '  g6:\n    like: g5\n    nvidia: { kernelModule: open }\n    instanceType: g6.xlarge\n',
    ].join('');
    const wrong = BASE.replace('swapMiB: 2048', 'swapMiB: many').replace('sshUser: ubuntu', 'sshUser: Ubuntu');
    const text = withProfiles(others, wrong);
    expect(told(text)).toEqual([
      `${lineOf(text, 'sshUser: Ubuntu')} profiles.g3s-focal.os.sshUser VALUE_FORM`,
      `${lineOf(text, 'swapMiB: many')} profiles.g3s-focal.swapMiB VALUE_TYPE`,
    ]);
  });

  test('in the other, where only the changed one is wrong because of it', () => {
    const text = withProfiles('  g7:\n    like: g3s-focal\n    instanceType: g7.2xlarge\n');
    const { details } = failure(text);
    expect(details).toMatchObject([
      {
        code: 'KERNEL_MODULE_MISMATCH',
        where: `hosts.yaml:${lineOf(text, 'kernelModule: proprietary')}:21`,
        key: 'profiles.g7.nvidia.kernelModule',
        reason: expect.stringContaining('(taken over from g3s-focal)'),
      },
    ]);
  });

  test('where a required key is taken away', () => {
    const text = withProfiles('  g5:\n    like: g3s-focal\n    docker: null\n');
    expect(told(text)).toEqual([`${lineOf(text, 'docker: null')} profiles.g5.docker VALUE_TYPE`]);
  });

  test('and a rule that both break the same way is told of the other alone', () => {
    const text = withProfiles('  g5:\n    like: g3s-focal\n', BASE.replace('sizeGiB: 32', 'sizeGiB: 8'));
    expect(told(text)).toEqual([
      `${lineOf(text, 'sizeGiB: 8')} profiles.g3s-focal.rootVolume.sizeGiB VOLUME_TOO_SMALL`,
    ]);
  });
});

describe('what a profile is like', () => {
  test.each([
    ['is not there', 'like: g3s-focl', 'LIKE_UNKNOWN', 'there is no profile g3s-focl', 'did you mean g3s-focal?'],
    ['is far from all', 'like: windows', 'LIKE_UNKNOWN', 'there is no profile windows', 'known here: g3s-focal'],
    ['is itself', 'like: g5', 'LIKE_CIRCLE', 'g5 -> g5', 'whole by itself'],
    ['is a number', 'like: 5', 'VALUE_TYPE', 'expected the name of another profile, found 5', 'in quotes'],
    ['is nothing', 'like:', 'VALUE_TYPE', 'expected the name of another profile, found nothing', 'for example'],
    ['is a list', 'like: [g3s-focal]', 'VALUE_TYPE', 'found a list', 'for example g4dn-jammy'],
    ['is misspelt', 'lik: g3s-focal', 'KEY_UNKNOWN', 'unknown key', 'did you mean like?'],
    ['is a word of the language', 'like: constructor', 'LIKE_UNKNOWN', 'no profile constructor', 'known here'],
  ])('%s: one mistake, and none of what is therefore missing', (_what, line, code, reason, hint) => {
    const text = withProfiles(`  g5:\n    ${line}\n    os: { codename: jammy }\n    nvidia: { kernelModule: open }\n`);
    const { details } = failure(text);
    expect(details).toMatchObject([
      { code, reason: expect.stringContaining(reason), hint: expect.stringContaining(hint) },
    ]);
    expect(details[0]?.where).toMatch(new RegExp(`^hosts.yaml:${lineOf(text, line)}:`));
  });

  test('is a circle of three, told once', () => {
    const text = withProfiles('  a:\n    like: b\n  b:\n    like: c\n  c:\n    like: a\n');
    const { details } = failure(text);
    expect(details).toMatchObject([{ code: 'LIKE_CIRCLE', reason: 'the profile is like itself: a -> b -> c -> a' }]);
  });

  test('was forgotten: one mistake for the whole profile', () => {
    expect(told(changed('    like: g3s-focal\n', ''))).toEqual([
      `${lineOf(shipped, '  g4dn-jammy:')} profiles.g4dn-jammy KEY_MISSING`,
    ]);
  });

  test('may be a profile with strange keys', () => {
    const text = withProfiles('  g5:\n    like: g3s-focal\n', `${BASE.trimEnd()}\n    __proto__: { like: x }\n`);
    expect(told(text)).toEqual([`${lineOf(text, '__proto__')} profiles.g3s-focal.__proto__ KEY_UNKNOWN`]);
  });

  test('does not multiply a file', () => {
    const keys = Array.from({ length: 1500 }, (_, at) => `    k${at}: 1\n`).join('');
    const others = Array.from({ length: 1000 }, (_, at) => `  p${at}:\n    like: g3s-focal\n`).join('');
    const { details } = failure(withProfiles(others, `${BASE.trimEnd()}\n${keys}`));
    expect(details[0]).toMatchObject({ code: 'NESTED_TOO_DEEP', reason: expect.stringContaining('take over') });
  });

  test('may go over a thousand profiles', () => {
    const others = Array.from(
      { length: 900 },
      (_, at) => `  p${at}:\n    like: ${at === 899 ? 'g3s-focal' : `p${at + 1}`}\n`,
    );
    const { config } = parseConfig(withProfiles(others.join('')), 'hosts.yaml');
    expect(config.profiles['p0']?.os.codename).toBe('focal');
  });
});
