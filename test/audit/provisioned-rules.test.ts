import { describe, expect, test } from 'vitest';
import type { ProvisionedRule } from '#contracts/provisioned.ts';
import { pathsInLog, ruleProblem } from '../../src/audit/provisioned/rules.ts';
import { planSummaryText } from '../../src/plan/plan-file.ts';
import { DPKG, database, type FakePackage, file, hashOf, type Item, plan, unread, view } from './image.ts';
import { RSA_FINGERPRINT, RSA_KEY } from './keys.ts';

const PLAN = plan();

function judge(rule: ProvisionedRule, item: Item, expected?: string, more: readonly Item[] = []): string | null {
  const put = {
    provisioner: 'ours',
    path: item.entry.path,
    kind: 'file',
    rule,
    ...(expected === undefined ? {} : { expected }),
  };
  return ruleProblem(item.entry, put as Parameters<typeof ruleProblem>[1], { ...view([...more, item]), plan: PLAN });
}

function text(rule: ProvisionedRule, content: string, expected?: string, more: readonly Item[] = []): string | null {
  return judge(rule, file('/etc/x', content), expected, more);
}

test('content that was not asked for is not right', () => {
  for (const rule of [
    'at-least',
    'docker-config',
    'image-record',
    'openpgp-key',
    'plan-summary',
    'runtime-mode',
  ] as const)
    expect(judge(rule, unread('/etc/x'), '')).toBe('its content is not known');
  expect(judge('security-updates', unread('/etc/x'))).toBe('its content is not known');
});

test('a rule of a newer plan is not right', () => {
  expect(text('of-tomorrow' as ProvisionedRule, 'x')).not.toBeNull();
});

test('of a tree and of the log of an installer nothing more is asked', () => {
  expect(judge('tree', unread('/srv/x'))).toBeNull();
  expect(judge('installer-log', unread('/srv/x'))).toBeNull();
});

describe('at-least', () => {
  const expected = '# limits [of] (ours)\n* soft nofile >=1024\n* hard nofile >=4096\n';
  const of = (soft: string, hard: string): string =>
    `# limits [of] (ours)\n* soft nofile ${soft}\n* hard nofile ${hard}\n`;

  test.each([
    ['1024', '4096'],
    ['1025', '999999'],
    ['unlimited', 'infinity'],
  ])('takes %s and %s', (soft, hard) => {
    expect(text('at-least', of(soft, hard), expected)).toBeNull();
  });

  test.each([
    ['1023', '4096'],
    ['1024', '4095'],
    ['0', '4096'],
    ['-1', '4096'],
    ['', '4096'],
    ['0x1000', '4096'],
    // A kernel reads it as 1023.
    ['01777', '4096'],
    ['1024.5', '4096'],
    ['1024 #', '4096'],
    ['Infinity', '4096'],
    ['unlimited ', '4096'],
  ])('takes not %s and %s', (soft, hard) => {
    expect(text('at-least', of(soft, hard), expected)).not.toBeNull();
  });

  test('takes no text more, less or otherwise', () => {
    const right = of('1024', '4096');
    for (const content of [
      `${right}x`,
      `${right}\n`,
      `\n${right}`,
      right.trimEnd(),
      right.replaceAll('\n', '\r\n'),
      '',
    ])
      expect([content, text('at-least', content, expected)]).toEqual([content, 'its content']);
    expect(text('at-least', right.replace('[of]', 'o'), expected)).toBe('its content');
    expect(text('at-least', `${right}${right}`, expected)).toBe('its content');
  });
});

describe('docker-config', () => {
  const expected = `${JSON.stringify({ 'log-driver': 'local', 'live-restore': false })}\n`;
  const nvidia = { args: [], path: 'nvidia-container-runtime' };
  const right = { ...JSON.parse(expected), runtimes: { nvidia }, features: { cdi: true } };

  function of(more: object): string | null {
    return text('docker-config', JSON.stringify({ ...right, ...more }, null, 4), expected);
  }

  test('is the plan’s, with the runtime', () => {
    expect(of({})).toBeNull();
    expect(of({ runtimes: { nvidia: { path: '/usr/bin/nvidia-container-runtime' } } })).toBeNull();
    expect(of({ runtimes: { nvidia: { ...nvidia, runtimeArgs: [] } } })).toBeNull();
  });

  test.each([
    ['another path', { runtimes: { nvidia: { ...nvidia, path: '/tmp/nvidia-container-runtime' } } }],
    ['a path in a list', { runtimes: { nvidia: { ...nvidia, path: ['nvidia-container-runtime'] } } }],
    ['arguments', { runtimes: { nvidia: { ...nvidia, args: ['--debug=/tmp/x'] } } }],
    ['arguments by their newer name', { runtimes: { nvidia: { ...nvidia, runtimeArgs: ['x'] } } }],
    ['a type of runtime', { runtimes: { nvidia: { ...nvidia, runtimeType: 'x' } } }],
    ['a second runtime', { runtimes: { nvidia, evil: { path: '/tmp/x' } } }],
    ['no runtime', { runtimes: {} }],
    ['no features', { features: {} }],
    ['no cdi', { features: { cdi: false } }],
    ['cdi that is a text', { features: { cdi: 'true' } }],
    ['more features', { features: { cdi: true, 'containerd-snapshotter': true } }],
    ['a default runtime', { 'default-runtime': 'nvidia' }],
    ['a host', { hosts: ['tcp://0.0.0.0:2375'] }],
    ['a registry', { 'insecure-registries': ['evil.example'] }],
    ['another value', { 'live-restore': true }],
    ['a key in capitals', { 'LIVE-RESTORE': true }],
    ['a key that objects have', { __proto__x: 1 }],
  ])('has not %s', (_what, more) => {
    expect(of(more)).not.toBeNull();
  });

  test.each(['', 'null', '[]', '"x"', '{', `${expected}x`])('is an object: not %j', (content) => {
    expect(text('docker-config', content, expected)).not.toBeNull();
  });

  test('has no key twice: Docker takes both of two tables', () => {
    const whole = JSON.stringify(right);
    const twice = whole.replace('{', '{"runtimes":{"evil":{"path":"/tmp/x"}},');
    expect(text('docker-config', twice, expected)).not.toBeNull();
    expect(
      text('docker-config', whole.replace('{', '{"__proto__":{"hosts":["tcp://0.0.0.0"]},'), expected),
    ).not.toBeNull();
  });
});

describe('image-record', () => {
  const right = {
    profile: PLAN.profile,
    planName: PLAN.planName,
    planDigest: PLAN.digest,
    sourceImage: PLAN.baseImage,
    substitutions: PLAN.substitutions,
    versions: { docker: '20.10.24' },
  };
  const of = (more: object): string | null => text('image-record', JSON.stringify({ ...right, ...more }));

  test('is the plan’s', () => {
    expect(of({})).toBeNull();
    expect(of({ versions: {} })).toBeNull();
  });

  test.each([
    [{ profile: 'x' }, 'its profile'],
    [{ planName: 'x', planDigest: 'y' }, 'its planName, planDigest'],
    [{ sourceImage: { ...PLAN.baseImage, id: 'ami-evil' } }, 'its sourceImage'],
    [{ substitutions: [] }, 'its substitutions'],
    [{ substitutions: undefined }, 'its substitutions'],
    [{ versions: { docker: null } }, 'its versions'],
    [{ versions: { docker: { x: 'y' } } }, 'its versions'],
    [{ versions: null }, 'its versions'],
    [{ versions: ['x'] }, 'its versions'],
  ])('is not otherwise: %j', (more, problem) => {
    expect(of(more)).toBe(problem);
  });

  test('is an object', () => {
    for (const content of ['', 'null', '[]', '1']) expect(text('image-record', content)).toBe('it is no JSON object');
  });
});

test('openpgp-key has the one fingerprint', () => {
  expect(text('openpgp-key', RSA_KEY, RSA_FINGERPRINT)).toBeNull();
  expect(text('openpgp-key', RSA_KEY, 'A'.repeat(40))).toBe(`the key ${RSA_FINGERPRINT}`);
  expect(text('openpgp-key', RSA_KEY, '')).toBe(`the key ${RSA_FINGERPRINT}`);
  expect(text('openpgp-key', 'x', RSA_FINGERPRINT)).toBe('the key (none)');
});

test('plan-summary is the plan’s to the byte', () => {
  const right = planSummaryText(PLAN);
  expect(text('plan-summary', right)).toBeNull();
  for (const content of [
    `${right}\n`,
    right.trimEnd(),
    right.replace('"name"', '"Name"'),
    right.replaceAll('\n', '\r\n'),
  ])
    expect(text('plan-summary', content)).toBe('its content');
});

describe('runtime-mode', () => {
  const toml = (mode: string, ...more: readonly string[]): string =>
    [
      '#accept-nvidia-visible-devices-as-volume-mounts = false',
      'disable-require = false',
      '',
      '[nvidia-container-cli]',
      'environment = []',
      'mode = "of another table"',
      '',
      '[nvidia-container-runtime]',
      'log-level = "info"',
      mode,
      ...more,
      '',
      '[nvidia-container-runtime.modes.cdi]',
      'mode = "deeper"',
      '',
    ].join('\n');

  test('is of its table', () => {
    expect(text('runtime-mode', toml('mode = "auto"'), 'auto')).toBeNull();
    expect(text('runtime-mode', toml('  mode="auto"'), 'auto')).toBeNull();
    expect(text('runtime-mode', toml('mode = "auto"', 'runtimes = ["runc", "crun"]'), 'auto')).toBeNull();
    expect(text('runtime-mode', toml('mode = "cdi"'), 'auto')).toBe('mode cdi');
    expect(text('runtime-mode', toml(''), 'auto')).toBe('mode not set');
    expect(text('runtime-mode', '', 'auto')).toBe('mode not set');
  });

  test.each([
    '# mode = "auto"',
    'mode = "auto',
    'modes = "auto"',
    'x = "mode = \\"auto\\""',
    'mode = \'cdi\' # "auto"',
  ])('is not set by %j', (line) => {
    expect(text('runtime-mode', toml(line), 'auto')).not.toBeNull();
  });

  test('is not that of a table that is indented', () => {
    expect(text('runtime-mode', toml('', '  [other]', '  mode = "auto"'), 'auto')).toBe('mode not set');
  });

  test.each([
    'runtimes = ["runc.distrib"]',
    'runtimes = ["/usr/sbin/runc.distrib"]',
    "runtimes = [\n  '/tmp/runc',\n]",
  ])('goes with no runtime but the usual ones: %j', (line) => {
    expect(text('runtime-mode', toml('mode = "auto"', line), 'auto')).not.toBeNull();
  });
});

describe('security-updates', () => {
  const packages = database([{ name: 'openssl', version: '3.0.15' }]);
  const of = (value: unknown): string | null => text('security-updates', JSON.stringify(value), undefined, packages);

  test('are installed', () => {
    expect(of([])).toBeNull();
    expect(of([{ name: 'openssl', from: '3.0.14', to: '3.0.15' }])).toBeNull();
    expect(of([{ name: 'openssl', from: '3.0.14', to: '3.0.16' }])).toBe('openssl is not in that version');
    expect(of([{ name: 'evil', from: '1', to: '2' }])).toBe('evil is not in that version');
  });

  test('are a list of packages', () => {
    expect(of({})).toBe('it is no list');
    expect(text('security-updates', '')).toBe('it is no list');
    for (const each of [null, 1, 'payload', {}, [], { payload: 'x' }, { name: 'evil' }])
      expect([each, of([each])]).not.toEqual([each, null]);
  });
});

describe('swap-file', () => {
  const BYTES = 2 * 1024 * 1024;
  const swap = (more: object): Item => unread('/swapfile', '', { size: BYTES, zeroFrom: 4096, mode: 0o600, ...more });

  test('has a header, and zeros', () => {
    expect(judge('swap-file', swap({}), String(BYTES))).toBeNull();
    expect(judge('swap-file', swap({ zeroFrom: 4000 }), String(BYTES))).toBeNull();
    expect(judge('swap-file', swap({ zeroFrom: 4097 }), String(BYTES))).toBe('something is stored in it');
    expect(judge('swap-file', swap({ size: 4096 }), String(BYTES))).toBe(`4096 bytes for ${BYTES}`);
    expect(judge('swap-file', swap({ size: undefined }), String(BYTES))).not.toBeNull();
    expect(judge('swap-file', unread('/swapfile', '', { size: BYTES }), String(BYTES))).toBe(
      'something is stored in it',
    );
  });

  test('has a header that says so, where it is known', () => {
    const header = Buffer.alloc(4096);
    header.write('SWAPSPACE2', 4086);
    const known = (content: Buffer): Item => file('/swapfile', content, { size: BYTES, zeroFrom: 4096 });
    expect(judge('swap-file', known(Buffer.concat([header, Buffer.alloc(10)])), String(BYTES))).toBeNull();
    expect(judge('swap-file', known(Buffer.alloc(4096)), String(BYTES))).toBe('it is no swap space');
  });
});

describe('package-file', () => {
  const runc: FakePackage = { name: 'runc', files: { '/usr/sbin/runc': 'runc' } };
  const diverted = database([runc], ['/usr/sbin/runc', '/usr/sbin/runc.distrib', ':']);

  function of(content: string, all: readonly Item[]): string | null {
    return judge('package-file', file('/usr/sbin/runc.distrib', content), '/usr/sbin/runc', all);
  }

  test('is the diverted file of its package', () => {
    expect(of('runc', diverted)).toBeNull();
    expect(of('evil', diverted)).toBe('its package has another');
    expect(of('runc', database([runc]))).toBe('its package has another');
  });

  test('is not one that another package has at that place', () => {
    const evil = database([{ name: 'evil', files: { '/usr/sbin/runc.distrib': 'evil' } }]);
    expect(of('evil', evil)).not.toBeNull();
  });

  test('is the package’s whatever somebody’s checksums say', () => {
    const all = database([runc, { name: 'evil' }], ['/usr/sbin/runc', '/usr/sbin/runc.distrib', ':']);
    const sums = file(`${DPKG}/info/evil.md5sums`, `${hashOf('md5', 'evil')}  usr/sbin/runc\n`);
    expect(of('evil', [...all, sums])).not.toBeNull();
  });
});

test('the log of an installer names paths by whole lines', () => {
  const log = [
    'nvidia-installer log file',
    '/usr/bin/nvidia-smi',
    '0: /usr/lib/libcuda.so.1',
    '12: /usr/lib/a file',
    'x: /usr/no',
    ' /usr/no',
    '1:/usr/no',
    '1: usr/no',
    'installing /usr/no',
    '/usr/no\r',
  ];
  expect(pathsInLog(log.join('\n'))).toEqual(['/usr/bin/nvidia-smi', '/usr/lib/libcuda.so.1', '/usr/lib/a file']);
  expect(pathsInLog('')).toEqual([]);
});
