import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { buildDeb } from '../../../lab/parts/debian/build-deb.ts';
import { upstreamVersion } from '../../../lab/parts/debian/fetch-packages.ts';
import { loaderWithOwnFolder, programWithOwnLoader } from '../../../lab/parts/debian/own-libc.ts';
import { dockerCe } from '../../../lab/parts/docker-ce/docker-ce.ts';
import { controlOf, LIBRARIES_PACKAGE, packageVersions } from '../../../lab/parts/docker-ce/packages.ts';
import { UNITS, unitScripts } from '../../../lab/parts/docker-ce/units.ts';
import { tempFolder } from '../../support/temp-folder.ts';

/**
 * Facts of moby v26.1.5 (contrib/init/systemd) and containerd v1.7.24, whose programs Docker's packages put into
 * /usr/bin. The order of what starts is what a gate in front of Docker depends on.
 */
const FACTS: Readonly<Record<string, readonly string[]>> = {
  'docker.service': [
    '[Unit] Documentation=https://docs.docker.com',
    '[Unit] After=network-online.target docker.socket firewalld.service containerd.service time-set.target',
    '[Unit] Wants=network-online.target containerd.service',
    '[Unit] Requires=docker.socket',
    '[Service] Type=notify',
    '[Service] ExecStart=/usr/bin/dockerd -H fd:// --containerd=/run/containerd/containerd.sock',
    '[Service] ExecReload=/bin/kill -s HUP $MAINPID',
    '[Service] TimeoutStartSec=0',
    '[Service] RestartSec=2',
    '[Service] Restart=always',
    '[Service] StartLimitBurst=3',
    '[Service] StartLimitInterval=60s',
    '[Service] LimitNPROC=infinity',
    '[Service] LimitCORE=infinity',
    '[Service] TasksMax=infinity',
    '[Service] Delegate=yes',
    '[Service] KillMode=process',
    '[Service] OOMScoreAdjust=-500',
    '[Install] WantedBy=multi-user.target',
  ],
  'docker.socket': [
    '[Socket] ListenStream=/run/docker.sock',
    '[Socket] SocketMode=0660',
    '[Socket] SocketUser=root',
    '[Socket] SocketGroup=docker',
    '[Install] WantedBy=sockets.target',
  ],
  'containerd.service': [
    '[Unit] Documentation=https://containerd.io',
    '[Unit] After=network.target local-fs.target dbus.service',
    '[Service] ExecStartPre=-/sbin/modprobe overlay',
    '[Service] ExecStart=/usr/bin/containerd',
    '[Service] Type=notify',
    '[Service] Delegate=yes',
    '[Service] KillMode=process',
    '[Service] Restart=always',
    '[Service] RestartSec=5',
    '[Service] LimitNPROC=infinity',
    '[Service] LimitCORE=infinity',
    '[Service] LimitNOFILE=infinity',
    '[Service] TasksMax=infinity',
    '[Service] OOMScoreAdjust=-999',
    '[Install] WantedBy=multi-user.target',
  ],
};

function directives(text: string): string[] {
  let section = '';
  return text.split('\n').flatMap((line) => {
    if (line.startsWith('[')) section = line;
    return /^[A-Z]/.test(line) && !line.startsWith('Description=') ? [`${section} ${line}`] : [];
  });
}

test.each(Object.entries(FACTS))('%s says what the official one does, in its order', (unit, facts) => {
  expect(directives(UNITS[unit] ?? '')).toEqual(facts);
});

describe('a maintainer script', () => {
  test('is shell, and enables and starts each unit unless somebody disabled it', () => {
    const scripts = unitScripts(['a.service', 'a.socket'], 'true\n');
    expect(Object.keys(scripts)).toEqual(['postinst', 'prerm', 'postrm']);
    for (const text of Object.values(scripts)) execFileSync('sh', ['-n'], { input: text });
    expect(scripts['postinst']?.match(/was-enabled '/g)).toHaveLength(2);
    expect(scripts['postinst']).toContain('deb-systemd-invoke $action a.service a.socket');
    expect(scripts['prerm']).toContain('deb-systemd-invoke stop a.service a.socket');
  });
});

const VERSIONS = { docker: '26.1.5', containerd: '1.7.24', buildx: '0.13.1', compose: '2.26.1', libc: '2.41-12' };

test('each release is a part of its own, and says that it is no Docker of Docker', async () => {
  const [focal, jammy] = [dockerCe('focal'), dockerCe('jammy')];
  expect([focal.name, jammy.name]).toEqual(['docker-ce-focal', 'docker-ce-jammy']);
  expect(focal.substitution).toMatchObject({ component: 'docker', source: expect.stringContaining('Debian') });
  expect(await focal.digest()).toMatch(/^[0-9a-f]{16}$/);
  expect(await focal.digest()).not.toBe(await jammy.digest());
});

describe('the packages', () => {
  test('have versions in the form of the official repository', () => {
    expect(packageVersions('focal', VERSIONS)).toEqual({
      'docker-ce': '5:26.1.5-1~ubuntu.20.04~focal',
      'docker-ce-cli': '5:26.1.5-1~ubuntu.20.04~focal',
      'containerd.io': '1.7.24-1',
      'docker-buildx-plugin': '0.13.1-1~ubuntu.20.04~focal',
      'docker-compose-plugin': '2.26.1-1~ubuntu.20.04~focal',
      [LIBRARIES_PACKAGE]: '2.41-12',
    });
    expect(packageVersions('noble', VERSIONS)['docker-ce']).toBe('5:26.1.5-1~ubuntu.24.04~noble');
  });

  test('exclude the distribution ones as the official packages do, and name their libraries', () => {
    expect(controlOf('docker-ce', 'focal', VERSIONS)).toMatchObject({
      Depends: [
        ...[`${LIBRARIES_PACKAGE} (= 2.41-12)`, 'containerd.io (>= 1.6.24)', 'docker-ce-cli', 'iptables'],
        ...['libseccomp2 (>= 2.3.0)', 'libsystemd0'],
      ].join(', '),
      Conflicts: 'docker (<< 1.5~), docker-engine, docker.io',
    });
    expect(controlOf('containerd.io', 'jammy', VERSIONS)).toMatchObject({
      Provides: 'containerd, runc',
      Conflicts: 'containerd, runc',
      Replaces: 'containerd, runc',
    });
    expect(controlOf('docker-ce-cli', 'noble', VERSIONS)['Depends']).toBe('libc6 (>= 2.38)');
    expect(controlOf(LIBRARIES_PACKAGE, 'focal', VERSIONS)['Depends']).toBeUndefined();
  });

  test.each([
    ['26.1.5+dfsg1-9+deb13u1+b1', '26.1.5'],
    ['1.7.24~ds1-6+deb13u1', '1.7.24'],
    ['1:1.3.1-1', '1.3.1'],
    ['2.26.1-4', '2.26.1'],
  ])('upstream calls %s %s', (debian, upstream) => {
    expect(upstreamVersion(debian)).toBe(upstream);
  });
});

/** A file with one program header, which names a loader. */
function elf(loader: string): Buffer {
  const bytes = Buffer.alloc(256);
  bytes.write('\x7fELF\x02', 'latin1');
  bytes.writeBigUInt64LE(64n, 32);
  bytes.writeUInt16LE(56, 54);
  bytes.writeUInt16LE(1, 56);
  bytes.writeUInt32LE(3, 64);
  bytes.writeBigUInt64LE(128n, 72);
  bytes.write(`${loader}\0`, 128, 'latin1');
  return bytes;
}

describe('a program with a C library of its own', () => {
  test('is started by the loader beside that library, and nothing in it moves', () => {
    const edited = programWithOwnLoader(elf('/lib64/ld-linux-x86-64.so.2'));
    expect(edited.toString('latin1', 128, 156)).toBe('/usr/lib/trixie-libc6/ld.so\0');
    expect(edited).toHaveLength(256);
  });

  test('has to be a dynamic one for amd64', () => {
    expect(() => programWithOwnLoader(elf('/lib/ld-musl-x86_64.so.1'))).toThrow('not a program');
    expect(() => programWithOwnLoader(Buffer.from('#!/bin/sh\n'))).toThrow('not a program');
  });

  test('has a loader that looks there first, and never into the cache of the machine', () => {
    const folders = '\x01/lib/x86_64-linux-gnu/\0/usr/lib/x86_64-linux-gnu/\0/lib/\0';
    const edited = loaderWithOwnFolder(Buffer.from(`${folders}..${folders}/etc/ld.so.cache\0`, 'latin1'));
    const own = '\x01/usr/lib/trixie-libc6/\0/usr/lib/x86_64-linux-gnu/\0/lib/\0';
    expect(edited.toString('latin1')).toBe(`${own}..${own}/nonexistent/lib\0`);
    expect(() => loaderWithOwnFolder(Buffer.from('/lib/i386-linux-gnu/\0'))).toThrow('does not look');
  });
});

test('a package is the same bytes each time, with sums of all but its configuration', async () => {
  const folder = tempFolder();
  const build = async (name: string): Promise<Buffer> => {
    const tree = join(folder, name);
    mkdirSync(join(tree, 'etc'), { recursive: true });
    mkdirSync(join(tree, 'usr/bin'), { recursive: true });
    writeFileSync(join(tree, 'etc/x'), 'a\n');
    writeFileSync(join(tree, 'usr/bin/x'), name.length > 0 ? 'b\n' : '', { mode: 0o700 });
    const control = { Package: 'x', Version: '1', Architecture: 'all', Maintainer: 'x', Description: 'x\n y' };
    const out = join(folder, `${name}.deb`);
    await buildDeb({ tree, control, scripts: { postinst: '#!/bin/sh\n' }, conffiles: ['/etc/x'], out });
    return readFileSync(out);
  };
  expect(await build('one')).toEqual(await build('two'));
  const ask = (...args: string[]): string => execFileSync('dpkg-deb', [...args], { encoding: 'utf8' });
  expect(ask('--contents', join(folder, 'one.deb'))).toMatch(/-rwxr-xr-x root\/root +2 1970-01-01 .* \.\/usr\/bin\/x/);
  expect(ask('--info', join(folder, 'one.deb'), 'md5sums')).toMatch(/^[0-9a-f]{32} {2}usr\/bin\/x\n$/);
  expect(ask('--info', join(folder, 'one.deb'), 'conffiles')).toBe('/etc/x\n');
});
