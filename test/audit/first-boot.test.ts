import { describe, expect, test } from 'vitest';
import { type Explained, explainEntries } from '../../src/audit/explain.ts';
import { explainInput, file, folder, type Item, link, ruled, special, view } from './image.ts';

const PASSWD = file('/etc/passwd', 'root:x:0:0::/root:/bin/bash\nadmin:x:1000:1001:Debian:/home/admin:/bin/bash\n');
const SKELETON = [folder('/etc/skel'), file('/etc/skel/.bashrc', 'rc'), folder('/etc/skel/.config')];
const own = { uid: 1000, gid: 1001 };

function judged(item: Item, more: readonly Item[] = []): string | null {
  return ruled(item.entry.path, view([PASSWD, ...SKELETON, ...more, item]));
}

/** Whether the whole of it, with permissions, is explained. */
function isExplained(item: Item): boolean {
  const { explainers }: Explained = explainEntries(explainInput([PASSWD, ...SKELETON, item]));
  return explainers.has(item.entry.path);
}

describe('the home of the login user', () => {
  test.each([
    folder('/home/admin', own),
    folder('/home/admin/.ssh', { ...own, mode: 0o700 }),
    folder('/home/admin/.cache', own),
    file('/home/admin/.bashrc', 'rc', own),
    file('/home/admin/.sudo_as_admin_successful', '', own),
    file('/home/admin/.cache/motd.legal-displayed', '', own),
  ])('has what every new one has: %#', (item) => {
    expect(judged(item)).toBeNull();
    expect(isExplained(item)).toBe(true);
  });

  test.each([
    ['another folder', folder('/home/admin/.config', own)],
    ['a folder in one', folder('/home/admin/.ssh/x', own)],
    ['a file of nobody', file('/home/admin/.profile', 'x', own)],
    ['a changed file', file('/home/admin/.bashrc', 'rc; evil', own)],
    ['a changed end of line', file('/home/admin/.bashrc', 'rc\r', own)],
    ['keys', file('/home/admin/.ssh/authorized_keys', 'ssh-ed25519 AAAA', own)],
    ['something in a mark', file('/home/admin/.sudo_as_admin_successful', 'x', own)],
    ['a link for a mark', link('/home/admin/.sudo_as_admin_successful', '/tmp/x', own)],
    ['a link for a file', link('/home/admin/.bashrc', '/tmp/x', own)],
    ['a link for the whole', link('/home/admin', '/tmp/x', own)],
    ['a pipe for the whole', special('/home/admin', 'pipe', own)],
    ['a link where the skeleton has a folder', link('/home/admin/.config', '/tmp/x', own)],
    ['a device where the skeleton has a folder', special('/home/admin/.config', 'block', own)],
    ['a file of somebody else', file('/home/admin/.bashrc', 'rc', { uid: 0, gid: 0 })],
    ['a file of another group', file('/home/admin/.bashrc', 'rc', { uid: 1000, gid: 0 })],
    ['a folder of root', folder('/home/admin/.ssh')],
    ['a file with setuid', file('/home/admin/.bashrc', 'rc', { ...own, mode: 0o4755 })],
    ['a file that everybody may write to', file('/home/admin/.bashrc', 'rc', { ...own, mode: 0o666 })],
    ['an open folder', folder('/home/admin', { ...own, mode: 0o777 })],
    ['an open folder of keys', folder('/home/admin/.ssh', { ...own, mode: 0o777 })],
  ])('has not %s', (_what, item) => {
    expect(isExplained(item)).toBe(false);
  });

  test('is nobody else’s', () => {
    for (const path of ['/home/admin2', '/home/admin2/.bashrc', '/home/evil/.bashrc', '/home', '/root/.bashrc'])
      expect([path, judged(file(path, 'rc', own))]).toEqual([path, 'no rule']);
  });

  test('is of the first who has the name', () => {
    const twice = file('/etc/passwd', 'admin:x:7:7::/:/bin/sh\nadmin:x:1000:1001::/:/bin/sh\n');
    const item = file('/home/admin/.bashrc', 'rc', own);
    expect(ruled(item.entry.path, view([twice, ...SKELETON, item]))).toBe('its owner');
    expect(ruled(item.entry.path, view([...SKELETON, item]))).toBe('its owner');
  });
});

describe('what cloud-init lets the login user do', () => {
  const path = '/etc/sudoers.d/90-cloud-init-users';

  function sudoers(when: string, rule = 'admin ALL=(ALL) NOPASSWD:ALL'): string {
    return `# Created by cloud-init v. 22.4.2 on ${when}\n\n# User rules for admin\n${rule}\n`;
  }
  const base = file(path, sudoers('Fri, 27 Nov 2026 20:17:29 +0000'), { mode: 0o440 });

  function changed(text: string): string | null {
    return ruled(path, view([file(path, text, { mode: 0o440 })], [base]));
  }
  const now = sudoers('Fri, 27 Nov 2026 21:00:00 +0000');

  test('is the same, whenever that was', () => {
    expect(changed(now)).toBeNull();
    // A layered image was booted twice.
    expect(changed(`${now}\n${now}`)).toBeNull();
    expect(ruled(path, view([base], []))).toBe('the first boot of the base image leaves no such file');
  });

  test.each([
    ['another rule', `${now}evil ALL=(ALL) NOPASSWD:ALL\n`],
    ['another user', sudoers('x', 'evil ALL=(ALL) NOPASSWD:ALL')],
    ['no rule', sudoers('x', '')],
    ['a file that is read as well', `${now}#include /home/admin/sudoers\n`],
    ['a folder that is read as well', `${now}#includedir /tmp\n`],
    ['a file that is read as well, indented', `${now}  #include /home/admin/sudoers\n`],
    ['a file that is read as well, by its new word', `${now}@include /home/admin/sudoers\n`],
    ['a user by its number', `${now}#1001 ALL=(ALL) NOPASSWD:ALL\n`],
    ['a comment that goes on', now.replace('for admin\n', 'for admin \\\n')],
  ])('has not %s', (_what, text) => {
    expect(changed(text)).not.toBeNull();
  });
});

describe('the locale', () => {
  const base = [file('/etc/default/locale', '# made then\nLANG=C.UTF-8\n')];

  test('is the same', () => {
    const item = file('/etc/default/locale', '#  File generated by update-locale\nLANG=C.UTF-8\n');
    expect(ruled('/etc/default/locale', view([item], base))).toBeNull();
  });

  test.each(['LANG=C.UTF-8\nLD_PRELOAD=/tmp/x.so\n', 'LD_PRELOAD=/tmp/x.so\n', ''])('is not %j', (text) => {
    const item = file('/etc/default/locale', text);
    expect(ruled('/etc/default/locale', view([item], base))).toBe('the first boot of the base image leaves another');
  });
});
