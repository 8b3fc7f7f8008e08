import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { ProvisionEvent } from '#contracts/provision-event.ts';
import type { SetupPart } from '#contracts/setup-script.ts';
import { loginUserOf } from '../../provisioners/standalone/login-user.ts';
import { brokenIn, isLockedIn } from '../../provisioners/standalone/mend.ts';
import { parseOptions } from '../../provisioners/standalone/options.ts';
import { type MachineFacts, neededBytes, problemsOf } from '../../provisioners/standalone/preflight.ts';
import { Progress } from '../../provisioners/standalone/progress.ts';
import { type BootFacts, rebootReasons } from '../../provisioners/standalone/reboot.ts';
import { RunLog } from '../../provisioners/standalone/run-log.ts';
import { aptProxies, aptUrls, endpointsOf, fetchedUrls } from '../../provisioners/standalone/sources.ts';
import { development, nvidia, target } from '../fixtures/target-config.ts';
import { tempFolder } from '../support/temp-folder.ts';

const ALL: readonly SetupPart[] = ['base', 'docker', 'limits', 'clean'];
const GIB = 1024 ** 3;

describe('options', () => {
  test('without any, all parts are done but the one that removes keys', () => {
    expect(parseOptions([], ALL)).toEqual({
      dryRun: false,
      yes: false,
      reboot: false,
      log: '/var/log/ecs-host-setup.log',
      parts: ['base', 'docker', 'limits'],
    });
  });

  test.each([
    [
      ['--only', 'limits,base'],
      ['base', 'limits'],
    ],
    [['--only=clean'], ['clean']],
    [
      ['--skip', 'docker'],
      ['base', 'limits'],
    ],
    [['--only', 'base,docker', '--skip', 'docker'], ['base']],
  ])('%j', (words, parts) => {
    expect(parseOptions(words, ALL)).toMatchObject({ parts });
  });

  test('of the others, each is itself', () => {
    expect(parseOptions(['--dry-run', '-y', '--reboot', '--log', '/l'], ALL)).toMatchObject({
      dryRun: true,
      yes: true,
      reboot: true,
      log: '/l',
    });
  });

  test.each([
    [['--only', 'dokcer'], /no part dokcer; the parts are base, docker/],
    [['--only', ''], /no part is left/],
    [['--skip', 'base,docker,limits'], /no part is left/],
    [['--onyl', 'base'], /Unknown option '--onyl'.*--help/],
    [['base'], /Unexpected argument 'base'/],
    [['--log'], /--log/],
  ])('%j is a mistake', (words, problem) => {
    expect(parseOptions(words, ALL)).toEqual({ problem: expect.stringMatching(problem) });
  });
});

describe('before anything is changed', () => {
  const fine: MachineFacts = {
    osRelease: 'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nVERSION_CODENAME=bookworm\nID=debian\n',
    isSystemd: true,
    isLocked: false,
    disks: [{ path: '/', freeBytes: 20 * GIB }],
    hasDocker: false,
    hasDriver: false,
    hasSwap: true,
    unreachable: [],
  };

  test('a machine that fits has no problem', () => {
    expect(problemsOf(target, ['base', 'docker'], fine)).toEqual([]);
  });

  test('all problems are told at once', () => {
    const facts: MachineFacts = {
      ...fine,
      osRelease: 'PRETTY_NAME="Fedora Linux 42"\nID=fedora\n',
      isSystemd: false,
      isLocked: true,
      disks: [{ path: '/', freeBytes: 1024 ** 2 }],
      unreachable: [{ host: 'deb.example.com', reason: 'ENOTFOUND' }],
    };
    expect(problemsOf(target, ['base', 'docker'], facts)).toEqual([
      'this is Fedora Linux 42, and the script is for Debian bookworm',
      expect.stringContaining('systemd does not run here'),
      expect.stringContaining('another run'),
      '/ has 1 MiB free, and 1280 MiB are needed',
      'deb.example.com, from which something is fetched, cannot be reached: ENOTFOUND',
    ]);
  });

  test('a release of the same distribution is another one', () => {
    const facts = { ...fine, osRelease: 'PRETTY_NAME="Debian 13"\nID=debian\nVERSION_CODENAME=trixie\n' };
    expect(problemsOf(target, ['base'], facts)).toHaveLength(1);
  });

  test('what is there already needs no room again', () => {
    const gpu = { ...target, nvidia, swapMiB: 2048 };
    const parts = ['docker', 'nvidia', 'limits'] as const;
    expect(neededBytes(gpu, parts, { ...fine, hasSwap: false })).toBe(7.25 * GIB);
    expect(neededBytes(gpu, parts, { ...fine, hasDocker: true, hasDriver: true })).toBe(0.25 * GIB);
    expect(neededBytes(gpu, ['base'], { ...fine, hasSwap: false })).toBe(0.25 * GIB);
  });

  test("apt's sources are read in both of their forms, and its proxy", () => {
    const text = [
      '# deb http://commented.example.com/ focal main',
      'deb [arch=amd64 signed-by=/k] https://download.docker.com/linux/ubuntu focal stable',
      'deb-src http://archive.ubuntu.com/ubuntu focal main',
      'deb cdrom:[x]/ focal main',
      'Types: deb',
      'URIs: http://10.78.0.1/debian http://two.example.com:8080/debian',
    ].join('\n');
    expect(endpointsOf(aptUrls(text))).toEqual([
      { host: 'download.docker.com', port: 443 },
      { host: 'archive.ubuntu.com', port: 80 },
      { host: '10.78.0.1', port: 80 },
      { host: 'two.example.com', port: 8080 },
    ]);
    expect(aptProxies('Acquire "";\nAcquire::http::Proxy "http://proxy:3128/";\n')).toEqual(['http://proxy:3128/']);
  });

  test('only what the chosen parts fetch is asked for', () => {
    expect(fetchedUrls(development, ['base', 'docker', 'user-tools'])).toEqual([]);
    const aws = {
      ...target,
      nvidia,
      docker: { ...target.docker, source: 'docker-ce' as const },
      userTools: { awsCli: { source: 'aws' as const, version: null } },
    };
    expect(fetchedUrls(aws, ['docker', 'user-tools'])).toEqual([
      'https://download.docker.com/',
      'https://awscli.amazonaws.com/',
    ]);
    expect(fetchedUrls(aws, ['nvidia'])).toEqual([nvidia.driverUrl, 'https://nvidia.github.io/']);
  });
});

test('the login user is who called sudo, else the one of the images, else nobody', () => {
  const passwd = 'root:x:0:0::/root:/bin/sh\nann:x:1000:1000::/home/ann:/bin/sh\nubuntu:x:1001:1001::/home/u:/bin/sh\n';
  expect(loginUserOf(passwd, 'ann', 'ubuntu')).toBe('ann');
  expect(loginUserOf(passwd, undefined, 'ubuntu')).toBe('ubuntu');
  expect(loginUserOf(passwd, 'root', 'ubuntu')).toBe('ubuntu');
  expect(loginUserOf(passwd, undefined, 'admin')).toBe(null);
  expect(loginUserOf(passwd, undefined, null)).toBe(null);
});

test('a lock of another installation is found in the list of the kernel', () => {
  const locks = ['1: POSIX  ADVISORY  WRITE 4711 fd:01:131 0 EOF', '2: FLOCK  ADVISORY  READ 1 00:19:1310 0 EOF'].join(
    '\n',
  );
  expect(isLockedIn(locks, 131)).toBe(true);
  expect(isLockedIn(locks, 31)).toBe(false);
  expect(isLockedIn(locks, 1310)).toBe(false);
});

describe('a reboot', () => {
  const none: BootFacts = {
    isContainer: false,
    isRequired: false,
    runningRelease: '5.15.0-1',
    bootRelease: null,
    isDriverSilent: false,
    isHostServiceDown: false,
  };

  test('is not asked for when nothing needs it', () => {
    expect(rebootReasons(none)).toEqual([]);
    expect(rebootReasons({ ...none, bootRelease: '5.15.0-1' })).toEqual([]);
  });

  test('is asked for with its reasons: kernel, driver, packages, the host service', () => {
    const all = { ...none, bootRelease: '5.15.0-2', isRequired: true, isDriverSilent: true, isHostServiceDown: true };
    expect(rebootReasons(all)).toEqual([
      'kernel 5.15.0-2 boots next, and 5.15.0-1 runs',
      'the driver of the GPU is loaded by a boot',
      'a package that was installed asks for it',
      'the host service begins with a boot',
    ]);
    // A container has the kernel of whoever runs it.
    expect(rebootReasons({ ...all, isContainer: true })).toEqual(['the host service begins with a boot']);
  });
});

describe('progress', () => {
  const events: readonly ProvisionEvent[] = [
    { type: 'step-start', provisioner: 'docker', step: 'install' },
    { type: 'step-end', provisioner: 'docker', step: 'install', durationMs: 1234, endedAt: 2, outcome: 'changed' },
    { type: 'step-start', provisioner: 'docker', step: 'configure' },
    {
      type: 'step-end',
      provisioner: 'docker',
      step: 'configure',
      durationMs: 1,
      endedAt: 3,
      outcome: 'failed',
      error: 'no room',
    },
    {
      type: 'check',
      provisioner: 'docker',
      check: { id: 'docker.x', title: 'X', expected: '1', actual: '2', verdict: 'incorrect' },
    },
  ];

  test.each([true, false])(
    'is a line for each step, on a terminal (%s) as in a file, and all of it is logged',
    async (isTTY) => {
      const file = join(tempFolder(), 'log');
      let text = '';
      const log = new RunLog(file);
      const progress = new Progress({ isTTY, write: (part: string) => (text += part) }, log);
      for (const event of events) progress.take(event);
      expect(text).toMatch(/ {2}install +changed +1\.2 s\n/);
      expect(text).toMatch(/ {2}configure +failed +0\.0 s\n {4}no room\n$/);
      expect(text.includes('\x1b')).toBe(isTTY);
      expect(progress.now).toBe('docker: configure');
      expect(progress.counts).toMatchObject({ changed: 1, failed: 1, incorrect: 1 });
      expect(progress.badChecks).toEqual(['docker.x: X: 1 expected, 2']);
      expect((await readFile(file, 'utf8')).trimEnd().split('\n')).toHaveLength(events.length);
    },
  );

  test('goes on without a log, and knows why', async () => {
    const folder = join(tempFolder(), 'a-folder');
    await mkdir(folder);
    const log = new RunLog(folder);
    log.line('x');
    expect(log.trouble).toBe('EISDIR');
  });

  test("a tool's output cannot forge a line of the log", async () => {
    const file = join(tempFolder(), 'log');
    await writeFile(file, '');
    const log = new RunLog(file);
    log.output('one\n\x1b[2Jtwo\n');
    const text = await readFile(file, 'utf8');
    expect(text).not.toContain('\x1b');
    expect(text).toMatch(/^ {4}one\n {4}.*two\n$/);
  });
});

test('packages that dpkg wants installed again are told from all others', () => {
  const shown = 'ii  bash\niU  half-configured\niHR amazon-ecs-init\nrc  removed\niHR ecs-agent-lab-stand-in\n';
  expect(brokenIn(shown)).toEqual(['amazon-ecs-init', 'ecs-agent-lab-stand-in']);
  expect(brokenIn('')).toEqual([]);
});
