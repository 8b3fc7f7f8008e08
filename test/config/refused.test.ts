import { describe, expect, test } from 'vitest';
import { parseConfig } from '../../src/config/load.ts';
import { changed, failure, shipped } from './shipped.ts';

const G3S = 'profiles.g3s-focal';
const CPU = 'profiles.cpu-bookworm';
const FOLDER = 'folder: examples/container-images';
const FOLDER_KEY = `${G3S}.workload.folder`;
const CREDENTIAL = `${G3S}.workload.credential`;
const HTTPS = 'https://git.example.com/a/b.git';
const SSH = 'ssh://github.com/a/b.git';
const KEY = 'kind: deploy-key, secret: a';
function gpuType(type: string, module = 'proprietary'): string {
  return changed('instanceType: g3s.xlarge', `instanceType: ${type}`).replace(
    'kernelModule: proprietary',
    `kernelModule: ${module}`,
  );
}
function cidrs(list: string): string {
  return changed('[10.0.0.0/8]', list);
}
function repository(url: string): string {
  return changed('http://lab.internal/git/container-images.git', url);
}
function submodule(entry: string): string {
  return changed('      ref: main\n', `      ref: main\n      submoduleRefs: { ${entry} }\n`);
}
function credential(url: string, entry: string): string {
  return changed(FOLDER, `repository: ${url}\n      ref: main\n      credential: { ${entry} }`);
}

describe('what would let strangers in is refused', () => {
  test.each([
    ['the world', cidrs('[0.0.0.0/0]'), 'SSH_OPEN_TO_WORLD'],
    ['the world as two halves', cidrs('[0.0.0.0/1, 128.0.0.0/1]'), 'SSH_OPEN_TO_WORLD'],
    ['the world as another /0', cidrs('[1.2.3.4/0]'), 'SSH_OPEN_TO_WORLD'],
    ['one half', cidrs('[128.0.0.0/1]'), 'SSH_OPEN_TO_WORLD'],
    [
      'seventeen of 256',
      cidrs(`[${Array.from({ length: 17 }, (_, at) => `${at + 20}.0.0.0/8`)}]`),
      'SSH_OPEN_TO_WORLD',
    ],
  ])('%s', (_what, text, code) => {
    expect(failure(text).details).toMatchObject([{ code, key: `${CPU}.sshSourceCidrs`, hint: expect.any(String) }]);
  });

  test.each([
    ['host bits', '[10.1.2.3/8]', 'SSH_SOURCE_HOST_BITS', 'write 10.0.0.0/8 for the network, or 10.1.2.3/32'],
    ['octets', '[999.999.999.999/8]', 'VALUE_FORM', 'for example'],
    ['a leading zero', '[010.0.0.0/8]', 'VALUE_FORM', 'for example'],
    ['no length', '[203.0.113.7]', 'VALUE_FORM', 'write 203.0.113.7/32'],
    ['a length of 33', '[10.0.0.0/33]', 'VALUE_FORM', 'for example'],
  ])('%s', (_what, list, code, hint) => {
    const key = `${CPU}.sshSourceCidrs[0]`;
    expect(failure(cidrs(list)).details).toMatchObject([{ code, key, hint: expect.stringContaining(hint) }]);
  });

  test.each(['http://10.evil.example.com/x', 'http://localhost.evil.example.com/x', 'git://github.com/x/y'])(
    '%s',
    (url) => {
      expect(failure(repository(url)).details).toMatchObject([{ code: 'REPOSITORY_NOT_ENCRYPTED' }]);
    },
  );
  test('an ECS API over http at a public name', () => {
    const text = changed('apiEndpoint: http://lab.internal:8080', 'apiEndpoint: http://10.example.com:8080');
    expect(failure(text).details).toMatchObject([{ code: 'ENDPOINT_NOT_ENCRYPTED' }]);
  });
});

/** The types of the GPU profile as a list. */
function gpuTypes(list: string, module = 'proprietary'): string {
  return changed('instanceType: g3s.xlarge', `instanceTypes: ${list}`).replace(
    'kernelModule: proprietary',
    `kernelModule: ${module}`,
  );
}
/** With the installer that AWS offers for graphics. */
function grid(text: string, kind = 'grid'): string {
  return changed('driverVersion: 580', `kind: ${kind}\n      driverVersion: 580`, text).replace(
    /(driverUrl: .*)\.run/,
    '$1-grid-aws.run',
  );
}
function region(line: string): string {
  return changed('  us-east-2:\n', `  us-east-2:\n    ${line}\n`);
}

const oneMistake: readonly (readonly [string, string, string, string])[] = [
  ['a size that does not exist', gpuType('g3s.banana'), 'VALUE_FORM', `${G3S}.instanceType`],
  ['a size of another family', gpuType('g3s.2xlarge'), 'INSTANCE_SIZE_UNKNOWN', `${G3S}.instanceType`],
  ['constructor.x', gpuType('constructor.x'), 'VALUE_FORM', `${G3S}.instanceType`],
  ['constructor.xlarge', gpuType('constructor.xlarge'), 'VALUE_FORM', `${G3S}.instanceType`],
  ['an AMD GPU', gpuType('g4ad.xlarge'), 'GPU_PROFILE_ON_CPU_TYPE', `${G3S}.instanceType`],
  ['an Arm type', changed('t3.large', 't4g.large'), 'INSTANCE_TYPE_ARM', `${CPU}.instanceType`],
  ['an Arm type with a GPU', gpuType('g5g.xlarge'), 'INSTANCE_TYPE_ARM', `${G3S}.instanceType`],
  ['the open module on Volta', gpuType('p3.2xlarge', 'open'), 'KERNEL_MODULE_MISMATCH', `${G3S}.nvidia.kernelModule`],
  ['the open module on p3dn', gpuType('p3dn.24xlarge', 'open'), 'KERNEL_MODULE_MISMATCH', `${G3S}.nvidia.kernelModule`],
  ['the other one on Blackwell', gpuType('g7e.2xlarge'), 'KERNEL_MODULE_MISMATCH', `${G3S}.nvidia.kernelModule`],
  ['a GPU behind an NVSwitch', gpuType('p4d.24xlarge'), 'GPU_NOT_SERVED', `${G3S}.instanceType`],
  ['a GRID driver for compute', grid(gpuType('p3.2xlarge')), 'GPU_NOT_SERVED', `${G3S}.instanceType`],
  ['the file of GRID for servers', grid(shipped, 'data-center'), 'DRIVER_KIND_MISMATCH', `${G3S}.nvidia.driverUrl`],
  [
    'the file for servers as GRID',
    changed('driverVersion: 580', 'kind: grid\n      driverVersion: 580'),
    'DRIVER_KIND_MISMATCH',
    `${G3S}.nvidia.driverUrl`,
  ],
  [
    'GRID on g5 and g6, whose firmware differs',
    grid(gpuTypes('[g6.xlarge, g5.xlarge]')),
    'GRID_TYPES_MIXED',
    `${G3S}.instanceTypes`,
  ],
  ['a part of a GPU', gpuType('g6f.xlarge'), 'GPU_NOT_SERVED', `${G3S}.instanceType`],
  [
    'a container toolkit without CDI of its own',
    changed('containerToolkitVersion: 1.20.0-1', 'containerToolkitVersion: 1.17.8-1'),
    'TOOLKIT_TOO_OLD',
    `${G3S}.nvidia.containerToolkitVersion`,
  ],
  [
    'both ways to give a type',
    gpuType('g6.xlarge\n    instanceTypes: [g6.xlarge]'),
    'INSTANCE_TYPE_TWICE',
    `${G3S}.instanceTypes`,
  ],
  ['no type in the list', gpuTypes('[]'), 'VALUE_RANGE', `${G3S}.instanceTypes`],
  ['one type twice', gpuTypes('[g6.xlarge, g6.xlarge]'), 'VALUE_TWICE', `${G3S}.instanceTypes[1]`],
  [
    'a second type without a GPU',
    gpuTypes('[g6.xlarge, m5.xlarge]'),
    'GPU_PROFILE_ON_CPU_TYPE',
    `${G3S}.instanceTypes[1]`,
  ],
  ['a second type that is Arm', gpuTypes('[g6.xlarge, g5g.xlarge]'), 'INSTANCE_TYPE_ARM', `${G3S}.instanceTypes[1]`],
  ['a second type of a size that is none', gpuTypes('[g6.xlarge, g6.banana]'), 'VALUE_FORM', `${G3S}.instanceTypes[1]`],
  [
    'a second type of another size',
    gpuTypes('[g6.xlarge, g3s.2xlarge]'),
    'INSTANCE_SIZE_UNKNOWN',
    `${G3S}.instanceTypes[1]`,
  ],
  [
    'the open module, which the second has not',
    gpuTypes('[g6.xlarge, g3s.xlarge]', 'open'),
    'KERNEL_MODULE_MISMATCH',
    `${G3S}.nvidia.kernelModule`,
  ],
  [
    'a GPU beside none',
    changed('instanceType: t3.large', 'instanceTypes: [t3.large, g6.xlarge]'),
    'INSTANCE_TYPES_MIXED',
    `${CPU}.instanceTypes[1]`,
  ],
  [
    'an ARN of a build profile',
    region('buildInstanceProfile: arn:aws:iam::1:instance-profile/a'),
    'VALUE_FORM',
    'regions.us-east-2.buildInstanceProfile',
  ],
  ['a name of a VPC', region('vpcId: default'), 'VALUE_FORM', 'regions.us-east-2.vpcId'],
  ['a zone for a subnet', region('subnetIds: [us-east-2a]'), 'VALUE_FORM', 'regions.us-east-2.subnetIds[0]'],
  ['a subnet for a list', region('subnetIds: subnet-0123456789abcdef0'), 'VALUE_TYPE', 'regions.us-east-2.subnetIds'],
  ['no subnets', region('subnetIds: []'), 'VALUE_RANGE', 'regions.us-east-2.subnetIds'],
  ['swap of 64 GiB on 32', changed('swapMiB: 2048', 'swapMiB: 65536'), 'SWAP_TOO_LARGE', `${G3S}.swapMiB`],
  ['swap of 32 GiB on 32', changed('swapMiB: 2048', 'swapMiB: 32768'), 'SWAP_TOO_LARGE', `${G3S}.swapMiB`],
  [
    'a package without a host',
    changed(/package: https.*/, 'package: https://'),
    'VALUE_FORM',
    `${G3S}.ecsAgent.package`,
  ],
  ['an rpm', changed('amd64.deb', 'amd64.rpm'), 'VALUE_FORM', `${G3S}.ecsAgent.package`],
  ['a package with a quote', changed('amd64.deb', '"$(id)".deb'), 'VALUE_FORM', `${G3S}.ecsAgent.package`],
  ['a driver of another kind', changed('178.04.run', '178.04.exe'), 'VALUE_FORM', `${G3S}.nvidia.driverUrl`],
  [
    'both sources',
    changed(FOLDER, `${FOLDER}\n      repository: ${HTTPS}\n      ref: main`),
    'WORKLOAD_SOURCE',
    FOLDER_KEY,
  ],
  ['neither source', changed(`      ${FOLDER}\n`, ''), 'WORKLOAD_SOURCE', `${G3S}.workload`],
  ['no ref', changed(FOLDER, `repository: ${HTTPS}`), 'WORKLOAD_REF_MISSING', `${G3S}.workload.repository`],
  ['a ref of a folder', changed(FOLDER, `${FOLDER}\n      ref: main`), 'WORKLOAD_OF_REPOSITORY', `${G3S}.workload.ref`],
  ['a secret nowhere', credential(HTTPS, 'kind: token'), 'CREDENTIAL_SOURCE', CREDENTIAL],
  ['a secret twice', credential(HTTPS, 'kind: token, secret: a, parameter: b'), 'CREDENTIAL_SOURCE', CREDENTIAL],
  ['a token over ssh', credential(SSH, 'kind: token, secret: a'), 'CREDENTIAL_KIND', `${CREDENTIAL}.kind`],
  ['a key over https', credential('https://github.com/a/b.git', KEY), 'CREDENTIAL_KIND', `${CREDENTIAL}.kind`],
  ['a key without host keys', credential('ssh://git.example.com/a/b.git', KEY), 'HOST_KEYS_MISSING', CREDENTIAL],
  ['a secret with a blank', credential(HTTPS, 'kind: token, secret: a b'), 'VALUE_FORM', `${CREDENTIAL}.secret`],
  ['half a host key', credential(SSH, `${KEY}, hostKeys: [github.com]`), 'VALUE_FORM', `${CREDENTIAL}.hostKeys[0]`],
  ['a repository without a host', repository('https:///x'), 'VALUE_FORM', `${CPU}.workload.repository`],
  ['a repository at port 70000', repository('https://a.example:70000/x'), 'VALUE_FORM', `${CPU}.workload.repository`],
  ['a ref with ..', changed('ref: main', 'ref: a/../b'), 'VALUE_FORM', `${CPU}.workload.ref`],
  ['a ref with //', changed('ref: main', 'ref: a//b'), 'VALUE_FORM', `${CPU}.workload.ref`],
  ['a ref with .lock', changed('ref: main', 'ref: main.lock'), 'VALUE_FORM', `${CPU}.workload.ref`],
  ['a ref with a dot at the end', changed('ref: main', 'ref: main.'), 'VALUE_FORM', `${CPU}.workload.ref`],
  ['an app with //', changed('app: base', 'app: a//b/'), 'VALUE_FORM', `${G3S}.workload.app`],
  ['a registry port', changed('l:5000/ecs', 'l:500000/ecs'), 'VALUE_FORM', `${CPU}.workload.baseImageRegistry`],
  ['port 0', changed('l:5000"', 'l:0"'), 'VALUE_FORM', `${CPU}.docker.insecureRegistries[0]`],
  [
    'two equal ports',
    changed('streamTcp: 32273', 'streamTcp: 32262'),
    'PORTS_CLASH',
    `${G3S}.workload.ports.streamTcp`,
  ],
  ['port 22', changed('discoveryTcp: 32262', 'discoveryTcp: 22'), 'PORTS_CLASH', `${G3S}.workload.ports.discoveryTcp`],
  ['port 4678', changed('streamTcp: 32273', 'streamTcp: 4678'), 'PORTS_CLASH', `${G3S}.workload.ports.streamTcp`],
  [
    'a GPU under QEMU',
    changed('profile: cpu-bookworm\n', 'profile: g3s-focal\n    machine: qemu\n'),
    'REGION_MACHINE_WITHOUT_GPU',
    'regions.local.machine',
  ],
  [
    'the stand-in on AWS',
    changed('profile: g3s-focal', 'profile: cpu-bookworm'),
    'PROFILE_ONLY_FOR_LAB',
    'regions.us-east-2.profile',
  ],
  [
    'QEMU on AWS',
    changed('    profile: g3s-focal\n', '    profile: g3s-focal\n    machine: qemu\n'),
    'MACHINE_NOT_FOR_AWS',
    'regions.us-east-2.machine',
  ],
  ['the stand-in alone', changed(/ {6}apiEndpoint.*\n/, ''), 'ECS_ENDPOINT_MISSING', `${CPU}.ecsAgent`],
  ['root', changed('sshUser: admin', 'sshUser: root'), 'SSH_USER_ROOT', `${CPU}.os.sshUser`],
  ['a submodule __proto__', submodule('__proto__: main'), 'NAME_FORM', `${CPU}.workload.submoduleRefs.__proto__`],
  [
    'a submodule above',
    submodule('../../etc/passwd: main'),
    'NAME_FORM',
    `${CPU}.workload.submoduleRefs.../../etc/passwd`,
  ],
  [
    'a profile constructor',
    changed('  g3s-focal:', '  constructor: {}\n  g3s-focal:'),
    'NAME_FORM',
    'profiles.constructor',
  ],
  ['us-esat-2', changed('  us-east-2:', '  us-esat-2:'), 'REGION_NAME_UNKNOWN', 'regions.us-esat-2'],
  ['us-east-9', changed('  us-east-2:', '  us-east-9:'), 'REGION_NAME_UNKNOWN', 'regions.us-east-9'],
  ['apiRegion us-wets-2', changed('us-west-2', 'us-wets-2'), 'REGION_NAME_UNKNOWN', 'regions.local.apiRegion'],
  ['a directive', `%YAML 9.9\n---\n${shipped}`, 'YAML_SYNTAX', ''],
  ['a raw escape character', changed('Debian 12 without', 'Debian \u001b[31m'), 'CHARACTER_REFUSED', ''],
  ['text that turns around', changed('Debian 12 without', 'Debian \u202e12'), 'CHARACTER_REFUSED', ''],
  [
    'an endpoint with a line end',
    changed('http://lab.internal:8080', '"http://lab.internal:8080\\n"'),
    'VALUE_FORM',
    `${CPU}.ecsAgent.apiEndpoint`,
  ],
  [
    'a description with one',
    changed(/description: Debian.*/, 'description: "a\\e[0m"'),
    'VALUE_FORM',
    `${CPU}.description`,
  ],
  ['a security group id', changed('container-testing', 'sg-0123'), 'VALUE_FORM', 'regions.us-east-1.securityGroup'],
];

describe('what fails late or contradicts itself is one mistake', () => {
  test.each(oneMistake)('%s', (_what, text, code, key) => {
    const { details } = failure(text);
    expect(details).toMatchObject([{ code, key, where: expect.stringMatching(/^hosts\.yaml:\d+:\d+$/) }]);
    expect(details[0]?.hint).toMatch(/\S/);
  });
});

describe('free text that ends on a target has a form', () => {
  const hostile = ['$(id)', '../../x', "'", '1.2 3', '-1', '1;id', '$HOME', '{{.Vars}}', 'latest', ''];
  test.each(hostile)('docker.version and awsCli.version %j', (version) => {
    const quoted = JSON.stringify(version);
    const docker = changed('source: docker-ce', `source: docker-ce\n      version: ${quoted}`);
    const text = changed('awsCli: { source: aws }', `awsCli: { source: aws, version: ${quoted} }`, docker);
    expect(failure(text).details.map(({ code, key }) => [code, key])).toEqual([
      ['VALUE_FORM', `${G3S}.docker.version`],
      ['VALUE_FORM', `${G3S}.awsCli.version`],
    ]);
  });
});

describe('good ones stay good', () => {
  test('GRID on a part of a GPU', () => {
    const text = grid(gpuType('g6f.xlarge', 'open'));
    expect(parseConfig(text, 'hosts.yaml').config.profiles['g3s-focal']?.nvidia?.kind).toBe('grid');
  });

  test.each([
    [
      'a full apt version',
      changed('source: docker-ce', 'source: docker-ce\n      version: 5:28.1.1-1~ubuntu.20.04~focal'),
    ],
    ['no version', changed('source: docker-ce', 'source: docker-ce\n      version: null')],
    ['a volume of 16 GiB with 2 GiB of swap', changed('sizeGiB: 32 } # 8', 'sizeGiB: 16 } # 8')],
    ['several networks', cidrs('[203.0.113.7/32, 198.51.100.0/24, 17.0.0.0/8]')],
    ['UDP with the number of TCP', changed('streamUdp: 32263', 'streamUdp: 32262')],
    ['a ref of several parts', changed('ref: main', 'ref: feature/a.b-c_1')],
    ['a ref of digits in quotes', changed('ref: main', 'ref: "1234567"')],
    ['a submodule', submodule('base/protocol: v1.2, x: main')],
    ['a region of a new partition', changed('  us-east-2:', '  eusc-de-east-1:')],
    ['a registry path', changed('lab.internal:5000/ecs-host', 'public.ecr.aws/docker/library')],
    ['plain http to localhost', repository('http://localhost:3000/x.git')],
    ['plain http to the lab', repository('http://lab.internal/x.git')],
    ['a line of three dashes at the beginning and the end', `---\n${shipped}---\n`],
    ['CRLF', shipped.replaceAll('\n', '\r\n')],
    ['characters of other languages', changed('Debian 12 without a GPU', 'Débian 12 — без GPU 日本')],
    [
      'sixty aliases',
      `${changed('instanceType: t3.large', 'instanceType: &t t3.large')}`
        .replace(/$/, '')
        .replace(
          '    substitutions:\n',
          `    substitutions:\n${'      - { component: x, source: *t, reason: *t }\n'.repeat(60)}`,
        ),
    ],
    [
      'a merged region',
      changed('  us-east-2:\n', '  us-east-2: &r\n').replace(
        /us-east-1:\n(?: {4}.*\n)+/,
        'us-east-1:\n    <<: *r\n    securityGroup: other\n',
      ),
    ],
  ])('%s', (_what, text) => {
    expect(Object.keys(parseConfig(text, 'hosts.yaml').config.profiles)).toHaveLength(5);
  });

  test.each([
    ['p3dn.24xlarge', 'proprietary'],
    ['p5.4xlarge', 'open'],
    ['g6e.xlarge', 'open'],
    ['g7e.2xlarge', 'open'],
    ['p3.2xlarge', 'proprietary'],
    ['g5.xlarge', 'open'],
    ['gr6.4xlarge', 'proprietary'],
  ])('%s has a GPU', (type, module) => {
    const { warnings } = parseConfig(gpuType(type, module), 'hosts.yaml');
    expect(warnings.map(({ code }) => code)).toEqual(['SECURITY_UPDATES_ENDED']);
  });

  test('the limit of sixty networks is told', () => {
    const list = Array.from({ length: 61 }, (_, at) => `10.0.${at}.0/24`);
    expect(failure(cidrs(`[${list}]`)).details).toMatchObject([{ code: 'VALUE_RANGE', hint: 'join networks' }]);
  });

  test('a family that is not known is a warning, with and without a GPU', () => {
    for (const text of [gpuType('g9z.xlarge'), changed('t3.large', 'm12i.large')]) {
      const codes = parseConfig(text, 'hosts.yaml').warnings.map(({ code }) => code);
      expect(codes).toContain('INSTANCE_TYPE_NOT_KNOWN');
    }
  });

  test('an image of another release is a warning: names of images need not be true', () => {
    const { warnings } = parseConfig(changed('codename: focal', 'codename: jammy'), 'hosts.yaml');
    expect(warnings.map(({ code }) => code)).toContain('BASE_IMAGE_MISMATCH');
  });
});
