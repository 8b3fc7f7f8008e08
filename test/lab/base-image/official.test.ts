import { createHash } from 'node:crypto';
import { chmod, copyFile, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { execa } from 'execa';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { ensureBaseImage } from '../../../lab/base-image/base-image.ts';
import { officialUbuntu } from '../../../lab/base-image/official/cloud-image.ts';
import { CANONICAL, isAnswering, type Publisher } from '../../../lab/base-image/official/publisher.ts';
import { isSignedBy } from '../../../lab/base-image/official/signature.ts';

const FOLDER = '/releases/focal/release';
const TARBALL = 'ubuntu-20.04-server-cloudimg-amd64-root.tar.xz';
const isRoot = process.getuid?.() === 0;

type Signer = { readonly fingerprint: string; readonly publicKey: string; sign(text: string): Promise<Buffer> };

/** What is served, by path. */
const files = new Map<string, string | Buffer>();
let folder: string;
let server: Server;
let publisher: Publisher;
let owner: Signer;
let stranger: Signer;

async function makeSigner(name: string): Promise<Signer> {
  const home = join(folder, name);
  await mkdir(home, { mode: 0o700 });
  const gpg = (args: readonly string[], input?: string) =>
    execa(
      'gpg',
      ['--homedir', home, '--batch', '--no-tty', '--passphrase', '', '--pinentry-mode', 'loopback', ...args],
      {
        encoding: 'buffer',
        // A signature may end with the byte of a line feed.
        stripFinalNewline: false,
        ...(input === undefined ? {} : { input }),
      },
    );
  await gpg(['--quick-generate-key', `${name} <${name}@example.org>`, 'ed25519', 'sign', 'never']);
  const listed = Buffer.from((await gpg(['--with-colons', '--list-keys'])).stdout).toString();
  const publicKey = Buffer.from((await gpg(['--armor', '--export'])).stdout).toString();
  return {
    fingerprint: /^fpr:+([0-9A-F]{40}):/m.exec(listed)?.[1] ?? '',
    publicKey: `${publicKey}\n`,
    sign: async (text) => Buffer.from((await gpg(['--detach-sign'], text)).stdout),
  };
}

/** A root file system with a shell, a package manager that only remembers, and what a cloud image has of its own. */
async function packTree(): Promise<Buffer> {
  const tree = join(folder, 'tree');
  const put = async (name: string, text: string, mode = 0o644): Promise<void> => {
    await mkdir(dirname(join(tree, name)), { recursive: true });
    await writeFile(join(tree, name), text);
    await chmod(join(tree, name), mode);
  };
  for (const name of ['bin', 'dev', 'proc', 'sys', 'lib64', 'lib/x86_64-linux-gnu'])
    await mkdir(join(tree, name), { recursive: true });
  await copyFile('/bin/sh', join(tree, 'bin/sh'));
  for (const library of ['lib64/ld-linux-x86-64.so.2', 'lib/x86_64-linux-gnu/libc.so.6'])
    await copyFile(`/${library}`, join(tree, library));
  await put('usr/bin/apt-get', '#!/bin/sh\necho "$*" >>/apt-calls\n', 0o755);
  await put('etc/kernel/postinst.d/zz-update-grub', '#!/bin/sh\nexit 1\n', 0o755);
  await put('etc/fstab', 'LABEL=cloudimg-rootfs / ext4 defaults 0 1\nLABEL=UEFI /boot/efi vfat umask=0077 0 1\n');
  await put('etc/netplan/50-cloud-init.yaml', 'network: {}\n');
  await put('etc/cloud/build.info', 'build_name: server\nserial: 20250603\n');
  await put('etc/machine-id', 'uninitialized\n');
  await put('sbin/dhclient', '', 0o755);
  await put(
    'var/lib/dpkg/status',
    [
      ...['Package: base-files', 'Status: install ok installed', 'Version: 11ubuntu5.8', 'Architecture: amd64'],
      ...['Maintainer: x', 'Description: x', ''],
    ].join('\n'),
  );
  await symlink('../run/systemd/resolve/stub-resolv.conf', join(tree, 'etc/resolv.conf'));
  const packed = join(folder, TARBALL);
  await execa('tar', ['--create', '--xz', '--numeric-owner', '-f', packed, '-C', tree, '.']);
  return readFile(packed);
}

async function publish(
  tarball: Buffer,
  more: { readonly signer?: Signer; readonly sums?: string } = {},
): Promise<void> {
  const sha256 = createHash('sha256').update(tarball).digest('hex');
  const sums = more.sums ?? `${'0'.repeat(64)} *ubuntu-20.04-server-cloudimg-amd64.img\n${sha256} *${TARBALL}\n`;
  files.clear();
  files.set(`${FOLDER}/SHA256SUMS`, sums);
  files.set(`${FOLDER}/SHA256SUMS.gpg`, await (more.signer ?? owner).sign(sums));
  files.set(`${FOLDER}/${TARBALL}`, tarball);
  files.set('/key', owner.publicKey);
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'official-'));
  [owner, stranger] = await Promise.all([makeSigner('owner'), makeSigner('stranger')]);
  server = createServer(({ url = '' }, response) => {
    const found = files.get(url);
    response.writeHead(found === undefined ? 404 : 200);
    response.end(found);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  publisher = { url, fingerprint: owner.fingerprint, keyring: join(folder, 'none.gpg'), keyUrl: `${url}/key` };
});
afterAll(async () => {
  server.closeAllConnections();
  server.close();
  for (const name of ['owner', 'stranger'])
    await execa('gpgconf', ['--homedir', join(folder, name), '--kill', 'all'], { reject: false });
  await rm(folder, { recursive: true });
});

describe("Canonical's image", () => {
  const cache = (): string => join(folder, 'cache');
  afterEach(() => rm(cache(), { recursive: true, force: true }));

  const make = async (): Promise<unknown> => {
    await mkdir(cache(), { recursive: true });
    return ensureBaseImage(await officialUbuntu('focal', publisher), cache());
  };

  test.skipIf(!isRoot)('becomes a disk of the lab (file systems are mounted and entered for it: root)', async () => {
    await publish(await packTree());
    await mkdir(cache(), { recursive: true });
    const said: string[] = [];
    const part = await officialUbuntu('focal', publisher);
    const image = await ensureBaseImage(part, cache(), (line) => said.push(line));
    expect(image).toMatchObject({ serial: '20250603', packages: [{ name: 'base-files', version: '11ubuntu5.8' }] });
    expect(said).toContain('making the disk...');

    const read = async (path: string): Promise<string> =>
      (await execa('debugfs', ['-R', `cat ${path}`, image.file])).stdout;
    expect((await read('/apt-calls')).split('\n')).toEqual([
      '--yes update',
      '--yes install linux-aws',
      '--yes purge snapd',
      '--yes clean',
    ]);
    expect(await read('/etc/fstab')).toBe('');
    expect(await read('/etc/machine-id')).toBe('');
    expect(await read('/etc/resolv.conf')).toContain('nameserver 10.78.0.1');
    expect(await read('/etc/cloud/cloud.cfg.d/99-lab.cfg')).toContain('config: disabled');
    expect(await read('/var/lib/dpkg/statoverride')).toBe('root root 644 /sbin/dhclient');
    const { stdout } = await execa('debugfs', ['-R', 'stat /usr/bin/snap', image.file]);
    expect(stdout).toContain('Mode:  0755');
    const list = async (path: string): Promise<string> =>
      (await execa('debugfs', ['-R', `ls -p ${path}`, image.file])).stdout;
    expect(await list('/etc/netplan')).not.toContain('.yaml');
    expect(await list('/etc/systemd/system/multi-user.target.wants')).toContain('snap.amazon-ssm-agent');
    expect(await list('/etc/systemd/system')).toContain('systemd-resolved.service');
    expect(await list('/etc/systemd/network')).toContain('10-lab.network');
    expect(await list('/dev')).not.toContain('null');

    // What is in the cache is not fetched again.
    files.delete(`${FOLDER}/${TARBALL}`);
    expect((await ensureBaseImage(part, cache())).file).toBe(image.file);
  });

  test('is refused when somebody else signed for it', async () => {
    await publish(Buffer.from('image'), { signer: stranger });
    await expect(make()).rejects.toThrow(`SHA256SUMS is not signed by ${owner.fingerprint}`);
    files.set('/key', stranger.publicKey);
    await expect(make()).rejects.toThrow(`SHA256SUMS is not signed by ${owner.fingerprint}`);
  });

  test('is refused when what was signed is not what is there', async () => {
    await publish(Buffer.from('image'));
    files.set(`${FOLDER}/SHA256SUMS`, `${'1'.repeat(64)} *${TARBALL}\n`);
    await expect(make()).rejects.toThrow('is not signed by');
  });

  test('is refused with another checksum, and leaves nothing', async () => {
    await publish(Buffer.from('image'));
    files.set(`${FOLDER}/${TARBALL}`, Buffer.from('another'));
    await expect(make()).rejects.toThrow(/root\.tar\.xz has the checksum [0-9a-f]{64}, and [0-9a-f]{64} is signed for/);
  });

  test.each(['SHA256SUMS', 'SHA256SUMS.gpg', TARBALL])('is refused by name when %s is missing', async (name) => {
    await publish(Buffer.from('image'));
    files.delete(`${FOLDER}/${name}`);
    await expect(make()).rejects.toThrow(`${FOLDER}/${name} is not there; \`--sources stand-in\` takes`);
  });

  test('is refused by name when the list has no such image', async () => {
    await publish(Buffer.from('image'), { sums: `${'0'.repeat(64)} *another\n` });
    await expect(make()).rejects.toThrow(`SHA256SUMS has no ${TARBALL}`);
  });
});

describe('the publisher', () => {
  test('answers, or does not', async () => {
    expect(await isAnswering(publisher)).toBe(true);
    expect(await isAnswering({ ...publisher, url: 'http://127.0.0.1:1' })).toBe(false);
  });

  test('is waited for no longer than it is worth', async () => {
    const silent = createServer(() => {});
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(silent.address() as AddressInfo).port}`;
    expect(await isAnswering({ ...publisher, url }, 50)).toBe(false);
    silent.closeAllConnections();
    silent.close();
  });

  test('is known by one fingerprint, whatever else signed', () => {
    const good = `[GNUPG:] NO_PUBKEY 0123\n[GNUPG:] VALIDSIG SUB 2026-01-01 1 0 4 0 1 10 00 ${CANONICAL.fingerprint}\n`;
    expect(isSignedBy(good, CANONICAL.fingerprint)).toBe(true);
    expect(isSignedBy(good, 'F'.repeat(40))).toBe(false);
    expect(isSignedBy(`${good}[GNUPG:] REVKEYSIG 1A5D6C4C7DB87C81 name\n`, CANONICAL.fingerprint)).toBe(false);
    expect(isSignedBy('', CANONICAL.fingerprint)).toBe(false);
  });
});
