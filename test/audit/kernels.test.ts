import { describe, expect, test } from 'vitest';
import type { MemberLine } from '#contracts/audit.ts';
import { explainEntries } from '../../src/audit/explain.ts';
import { explainInput, file, folder, hashOf, type Item, image, link, ruled, special, unread, view } from './image.ts';

const RELEASE = '6.1.0-10-amd64';
const MODULES = `/usr/lib/modules/${RELEASE}`;
const items = [
  file(`/boot/vmlinuz-${RELEASE}`, 'kernel'),
  file(`/boot/initrd.img-${RELEASE}`, 'ramdisk'),
  file(`${MODULES}/kernel/net/x.ko`, 'module'),
  file(`${MODULES}/updates/y.ko.xz`, 'module'),
];

function judged(item: Item): string | null {
  return ruled(item.entry.path, view([...items, item]));
}

function isExplained(item: Item): boolean {
  return explainEntries(explainInput([...items, item])).explainers.has(item.entry.path);
}

describe('lists of modules', () => {
  test('name modules that are there', () => {
    const text = 'kernel/net/x.ko: updates/y.ko.xz\nupdates/y.ko.xz:\n';
    expect(judged(file(`${MODULES}/modules.dep`, text))).toBeNull();
    expect(judged(file(`${MODULES}/modules.dep`, ''))).toBeNull();
    expect(judged(unread(`${MODULES}/modules.dep`, text))).toBe('its content is not known');
  });

  test.each([
    'kernel/net/evil.ko:',
    'kernel/net/x.ko: kernel/evil.ko',
    '/tmp/evil.ko:',
    '../../../../tmp/evil.ko:',
    `../../../../boot/vmlinuz-${RELEASE}:`,
    `/boot/vmlinuz-${RELEASE}:`,
  ])('name no other: %s', (line) => {
    expect(judged(file(`${MODULES}/modules.dep`, `${line}\n`))).not.toBeNull();
  });

  test.each([
    'modules.alias',
    'modules.dep.bin',
    'modules.symbols',
    'modules.softdep',
    'modules.builtin.alias.bin',
    'modules.devname',
  ])('are depmod’s: %s', (name) => {
    expect(judged(file(`${MODULES}/${name}`, ''))).toBeNull();
  });

  test('that a kernel reads name no module elsewhere either', () => {
    // What libkmod looks into is modules.dep.bin, a trie whose values are lines of modules.dep.
    const trie = (value: string): Buffer =>
      Buffer.from(`\xb0\x07\xf4\x57\0\x02\0\x01\0\0\0\x10x\0\0\0\0\x01${value}\0`, 'latin1');
    const path = `${MODULES}/modules.dep.bin`;
    expect(judged(file(path, trie('kernel/net/x.ko: updates/y.ko.xz')))).toBeNull();
    for (const value of ['/tmp/evil.ko:', '../../../../tmp/evil.ko:', 'kernel/net/evil.ko:'])
      expect([value, judged(file(path, trie(value)))]).not.toEqual([value, null]);
  });

  test.each([
    ['one that depmod does not make', file(`${MODULES}/modules.payload`, 'x')],
    ['one for a shell', file(`${MODULES}/modules.sh`, '#!/bin/sh')],
    ['one in a folder', file(`${MODULES}/kernel/net/modules.alias`, 'x')],
    ['one of a release without a kernel', file('/usr/lib/modules/5.0/modules.alias', 'x')],
    ['one that can be run', file(`${MODULES}/modules.alias`, 'x', { mode: 0o755 })],
    ['a link', link(`${MODULES}/modules.alias.bin`, '/tmp/x')],
    ['a link to a list', link(`${MODULES}/modules.dep`, '/tmp/x')],
    ['a device', special(`${MODULES}/modules.alias`, 'block')],
    ['a module', file(`${MODULES}/kernel/modules.x.ko`, 'x')],
    ['one elsewhere', file(`/srv/lib/modules/${RELEASE}/modules.alias`, 'x')],
  ])('are not %s', (_what, item) => {
    expect(isExplained(item)).toBe(false);
  });
});

describe('links to the newest kernel', () => {
  test.each([
    ['/vmlinuz', `boot/vmlinuz-${RELEASE}`],
    ['/initrd.img.old', `boot/initrd.img-${RELEASE}`],
    ['/boot/vmlinuz', `vmlinuz-${RELEASE}`],
    ['/boot/initrd.img', `/boot/initrd.img-${RELEASE}`],
  ])('%s leads to %s', (path, target) => {
    expect(judged(link(path, target))).toBeNull();
  });

  test.each([
    ['/vmlinuz', 'boot/vmlinuz-missing'],
    ['/vmlinuz', '/tmp/vmlinuz'],
    ['/vmlinuz', `boot/vmlinuz-${RELEASE}/../../tmp/x`],
    ['/vmlinuz', ''],
    ['/vmlinuz', `boot/initrd.img-${RELEASE}`],
    ['/initrd.img', `boot/vmlinuz-${RELEASE}`],
  ])('%s does not lead to %s', (path, target) => {
    expect(judged(link(path, target))).not.toBeNull();
  });

  test('are links, at their places', () => {
    for (const item of [
      file('/vmlinuz', 'x'),
      link('/boot/vmlinuz.x', 'x'),
      link('/srv/vmlinuz', 'x'),
      folder('/vmlinuz'),
    ])
      expect(judged(item)).toBe('no rule');
  });
});

describe('a ramdisk', () => {
  test('is of a kernel', () => {
    expect(judged(file(`/boot/initrd.img-${RELEASE}`, 'x'))).toBeNull();
    expect(judged(file('/boot/initrd.img-5.0', 'x'))).toBe('there is no kernel 5.0');
    expect(judged(file('/boot/initrd.img-', 'x'))).toBe('there is no kernel ');
    expect(judged(file(`/boot/initrd.img-${RELEASE}.bak`, 'x'))).toBe(`there is no kernel ${RELEASE}.bak`);
  });

  test('has its sum remembered', () => {
    const sum = `${'a'.repeat(40)}  /boot/initrd.img-${RELEASE}\n`;
    expect(judged(file(`/var/lib/initramfs-tools/${RELEASE}`, sum))).toBeNull();
    expect(judged(file('/var/lib/initramfs-tools/5.0', sum))).toBe('there is no kernel 5.0');
  });

  test.each([
    ['a file in a folder of that name', file(`/boot/initrd.img-x/${RELEASE}`, 'payload')],
    ['a file deeper in', file(`/boot/initrd.img-x/y/initrd.img-${RELEASE}`, 'payload')],
    ['a file beside the sums', file(`/var/lib/initramfs-tools/x/${RELEASE}`, 'payload')],
    ['a link', link(`/boot/initrd.img-${RELEASE}`, '/tmp/x')],
    ['a device', special(`/boot/initrd.img-${RELEASE}`, 'block')],
    ['a link to a sum', link(`/var/lib/initramfs-tools/${RELEASE}`, '/tmp/x')],
    ['a program', file(`/var/lib/initramfs-tools/${RELEASE}`, 'x', { mode: 0o755 })],
  ])('is not %s', (_what, item) => {
    expect(isExplained(item)).toBe(false);
  });
});

const UDEV = '/scripts/init-top/udev "$@"';
const PARAMETERS = '[ -e /conf/param.conf ] && . /conf/param.conf';

describe('what is in a ramdisk', () => {
  const path = `/boot/initrd.img-${RELEASE}`;
  const busybox = file('/usr/bin/busybox', 'busybox');

  function member(name: string, content: string | null, more: Partial<MemberLine> = {}): MemberLine {
    const sum = content === null ? {} : { sha256: hashOf('sha256', content) };
    return { type: 'member', archive: path, path: name, kind: 'file', mode: 0o755, ...sum, ...more };
  }

  /** A file of the ramdisk whose content the auditor tells. */
  function text(name: string, content: string): MemberLine {
    return member(name, content, { base64: Buffer.from(content).toString('base64') });
  }

  const order = (...lines: readonly string[]): MemberLine =>
    text('scripts/init-top/ORDER', lines.map((line) => `${line}\n`).join(''));

  function judgedMembers(...members: readonly MemberLine[]): string | null {
    const all = [...items, busybox, folder('/usr')];
    return ruled(path, { ...view(all), image: image(all, { members: { [path]: members } }) });
  }

  test('is on the image as well, or written by mkinitramfs', () => {
    expect(judgedMembers(member('usr/bin/busybox', 'busybox'))).toBeNull();
    expect(judgedMembers(text('conf/arch.conf', 'DPKG_ARCH=amd64\n'))).toBeNull();
    const settings = '#\n# MODULES: [ most | netboot ]\n\nMODULES=most\nDEVICE=\nRUNSIZE=10%\nexport KEYMAP="n"\n';
    expect(judgedMembers(text('conf/initramfs.conf', settings))).toBeNull();
    expect(judgedMembers(member('scripts/init-top/udev', 'busybox'), order(UDEV, PARAMETERS))).toBeNull();
    expect(judgedMembers(member('usr/bin', null, { kind: 'folder' }))).toBeNull();
  });

  test.each([
    ['settings that run a program', text('conf/initramfs.conf', 'MODULES=most\n/sbin/evil\n')],
    ['settings whose value is run', text('conf/initramfs.conf', 'DEVICE=$(evil)\n')],
    ['settings whose quoted value is run', text('conf/arch.conf', 'DPKG_ARCH="`evil`"\n')],
    ['a setting before a program', text('conf/arch.conf', 'DPKG_ARCH=amd64 evil\n')],
    ['settings that nobody told', member('conf/arch.conf', 'DPKG_ARCH=amd64')],
    ['an order of a program', order(UDEV, '/sbin/evil')],
    ['an order of more on a line', order(`${UDEV}; evil`)],
    ['an order of a script that is not there', order('/scripts/init-top/evil "$@"')],
    ['an order that nobody told', member('scripts/init-top/ORDER', UDEV)],
  ])('is not %s', (_what, each) => {
    const { path: name } = each;
    expect(judgedMembers(member('scripts/init-top/udev', 'busybox'), each)).toBe(
      `in its ${name} is more than mkinitramfs writes`,
    );
  });

  test('could be read', () => {
    const all = [...items, busybox];
    expect(ruled(path, { ...view(all), image: { ...image(all), members: new Map() } })).not.toBeNull();
  });

  test.each([
    ['a program that is nowhere else', member('usr/bin/busybox', 'evil')],
    ['the first program', member('init', 'evil')],
    ['a script', member('scripts/init-top/evil', 'evil')],
    // The first program reads these as shell.
    ['a setting that nobody writes', member('conf/evil.conf', 'evil')],
    ['a setting in a folder that nobody writes', member('conf/conf.d/evil', 'evil')],
    ['an order of no scripts', member('scripts/evil/deeper/ORDER', 'evil')],
    ['a file without a hash', member('init', null)],
    ['a module of the processor elsewhere', member('x/kernel/x86/microcode/evil.bin', 'evil')],
  ])('is not %s', (_what, each) => {
    expect(judgedMembers(each)).not.toBeNull();
  });
});
