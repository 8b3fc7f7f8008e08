import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, test } from 'vitest';
import schema from '../../src/config/hosts.schema.json' with { type: 'json' };
import { parseConfig } from '../../src/config/load.ts';
import { changed, failure, shipped } from './shipped.ts';

function lineOf(text: string, part: string): number {
  return text.slice(0, text.indexOf(part)).split('\n').length;
}

test('the schema is one; the program takes its word for it', () => {
  expect(new Ajv2020().validateSchema(schema)).toBe(true);
});

test('the shipped configuration is right, and warns of what has ended, the instance type and the release, only', () => {
  const { config, warnings } = parseConfig(shipped, 'hosts.yaml');
  expect(Object.keys(config.profiles)).toEqual(['g3s-focal', 'g4dn-jammy', 'g5-jammy', 'g6-noble', 'cpu-bookworm']);
  expect(Object.keys(config.regions)).toEqual(['us-east-2', 'us-east-1', 'local']);
  expect(warnings).toMatchObject([
    {
      key: 'profiles.g3s-focal.instanceType',
      reason: expect.stringContaining('retired g3s.xlarge'),
      hint: expect.stringContaining('g4dn'),
    },
    {
      key: 'profiles.g3s-focal.os.codename',
      reason: expect.stringContaining('no security updates since May 2025'),
      hint: expect.stringContaining('g4dn-jammy'),
    },
  ]);
});

test('all mistakes are reported at once, in order, each with file, line, column, key and hint', () => {
  let text = changed('instanceType: t3.large', 'instanceTyp: t3.large');
  text = changed('rootVolume: { sizeGiB: 32 } # 8', 'rootVolume: { sizeGiB: 8 } # 8', text);
  text = changed('kernelModule: proprietary', 'kernelModule: open', text);
  text = changed('profile: cpu-bookworm', 'profile: cpu-bokworm', text);
  const error = failure(text);
  expect(error).toMatchObject({ kind: 'user', code: 'CONFIG_INVALID' });
  const found = error.details.map(({ where, key, hint }) => [where, key, hint]);
  expect(found).toEqual([
    [
      `hosts.yaml:${lineOf(text, 'rootVolume: { sizeGiB: 8')}:28`,
      'profiles.g3s-focal.rootVolume.sizeGiB',
      expect.stringContaining('16'),
    ],
    [
      `hosts.yaml:${lineOf(text, 'kernelModule: open')}:21`,
      'profiles.g3s-focal.nvidia.kernelModule',
      expect.stringContaining('proprietary'),
    ],
    [`hosts.yaml:${lineOf(text, 'instanceTyp:')}:5`, 'profiles.cpu-bookworm.instanceTyp', 'did you mean instanceType?'],
    [`hosts.yaml:${lineOf(text, 'profile: cpu-bokworm')}:14`, 'regions.local.profile', 'did you mean cpu-bookworm?'],
  ]);
});

describe('rules between fields', () => {
  const nvidia = / {4}nvidia:\n(?: {6}.*\n)+/;
  test.each([
    [
      'a GPU profile on a CPU type',
      changed('instanceType: g3s.xlarge', 'instanceType: t3.large'),
      'profiles.g3s-focal.instanceType',
      'no NVIDIA GPU',
    ],
    [
      'a driver too new for Maxwell',
      changed(/580\.178\.04/g, '590.10.01'),
      'profiles.g3s-focal.nvidia.driverVersion',
      'R590',
    ],
    [
      'a driver URL of another version',
      changed('driverVersion: 580.178.04', 'driverVersion: 580.95.05'),
      'profiles.g3s-focal.nvidia.driverUrl',
      'does not name version',
    ],
    [
      'a codename of another distribution',
      changed('codename: focal', 'codename: bookworm'),
      'profiles.g3s-focal.os.codename',
      'no release of ubuntu',
    ],
    [
      "Amazon's agent without a package",
      changed(/ {6}package: https.*\n/, ''),
      'profiles.g3s-focal.ecsAgent',
      'needs `package`',
    ],
    ['ssh from nowhere', changed(/ {4}sshSourceCidrs:.*\n/, ''), 'profiles.cpu-bookworm.transport', 'nobody gets in'],
    [
      'ssh from everywhere',
      changed('[10.0.0.0/8]', '[0.0.0.0/0]'),
      'profiles.cpu-bookworm.sshSourceCidrs',
      'whole internet',
    ],
    [
      'plain http to a public host',
      changed('repository: http://lab.internal', 'repository: http://example.com'),
      'profiles.cpu-bookworm.workload.repository',
      'no encryption',
    ],
    ['a lab without an API region', changed('    apiRegion: us-west-2\n', ''), 'regions.local', 'apiRegion'],
    [
      'a region that AWS does not have',
      changed('  us-east-1:\n', '  useast:\n'),
      'regions.useast',
      'no name of an AWS region',
    ],
  ])('%s is refused', (_name, text, key, reason) => {
    const { details } = failure(text);
    expect(details).toMatchObject([{ key, reason: expect.stringContaining(reason), hint: expect.any(String) }]);
  });

  test('a CPU profile on a GPU type warns', () => {
    const without = changed('    nvidia: { kernelModule: open }\n', '', changed(nvidia, ''));
    const { warnings } = parseConfig(
      changed('instanceType: g3s.xlarge', 'instanceType: g5.xlarge', without),
      'hosts.yaml',
    );
    expect(warnings.filter(({ code }) => code === 'CPU_PROFILE_ON_GPU_TYPE').map(({ reason }) => reason)).toEqual([
      'g5.xlarge has a GPU, but the profile installs no driver',
      'g4dn.xlarge has a GPU, but the profile installs no driver',
      'g5.xlarge has a GPU, but the profile installs no driver',
      'g6.xlarge has a GPU, but the profile installs no driver',
    ]);
  });

  test('a successor with the open module is fine, on a release that gets updates', () => {
    const text = changed('instanceType: g3s.xlarge', 'instanceType: g6.xlarge').replace(
      'kernelModule: proprietary',
      'kernelModule: open',
    );
    const jammy = changed('codename: focal', 'codename: jammy', changed('ubuntu-focal-', 'ubuntu-jammy-', text));
    expect(parseConfig(jammy, 'hosts.yaml').warnings).toEqual([]);
    const accepted = changed('    swapMiB: 2048\n', '    swapMiB: 2048\n    securityUpdates: false\n', text);
    expect(parseConfig(accepted, 'hosts.yaml').warnings).toEqual([]);
  });
});

test('a profile may list its types, and a region say where its instances go', () => {
  const text = changed('instanceType: g3s.xlarge', 'instanceTypes: [g5.xlarge, g4dn.xlarge, g6.xlarge]').replace(
    '  us-east-2:\n',
    `  us-east-2:
    vpcId: vpc-0123456789abcdef0
    subnetIds: [subnet-0123456789abcdef0, subnet-0123abcd]
    buildInstanceProfile: ecs-host-build
`,
  );
  const { config, warnings } = parseConfig(text, 'hosts.yaml');
  expect(warnings.map(({ code }) => code)).toEqual(['SECURITY_UPDATES_ENDED']);
  expect(config.profiles['g3s-focal']).toMatchObject({ instanceTypes: ['g5.xlarge', 'g4dn.xlarge', 'g6.xlarge'] });
  expect(config.regions['us-east-2']).toMatchObject({ buildInstanceProfile: 'ecs-host-build' });
});
