import { textOf } from '../audited.ts';
import type { Rule, View } from './rule.ts';

/** Of the login user: a home as every new user gets one, with what sudo leaves there. */
const HOME: Rule = {
  by: 'useradd and sudo',
  covers: (path, _entry, { sshUser }) => path.startsWith(`/home/${sshUser}/`) || path === `/home/${sshUser}`,
  problem: ({ path, kind, size, sha256 }, { image, sshUser }) => {
    const name = path.slice(`/home/${sshUser}`.length);
    if (kind === 'folder') return ['', '/.ssh', '/.cache'].includes(name) ? null : 'no program makes it';
    if (name === '/.sudo_as_admin_successful' || name === '/.cache/motd.legal-displayed')
      return size === 0 ? null : 'it is not empty';
    const skeleton = image.entries.get(`/etc/skel${name}`);
    return kind === 'file' && skeleton?.kind === 'file' && skeleton.sha256 === sha256
      ? null
      : 'it is not what /etc/skel has';
  },
  isOwner: ({ uid, gid, mode }, { image, sshUser }) => {
    const fields = (textOf(image, '/etc/passwd') ?? '').split('\n').find((line) => line.startsWith(`${sshUser}:`));
    const [, , ofUser, ofGroup] = fields?.split(':') ?? [];
    return String(uid) === ofUser && String(gid) === ofGroup && (mode & 0o7022) === 0;
  },
};

/** In sudoers `#include` is no comment, `#` with a number is a user, and a backslash at the end goes on. */
function withoutComments(text: string): readonly string[] {
  return text.split('\n').filter((line) => line.trim() !== '' && !/^#( [^\\]*)?$/.test(line));
}

/**
 * The same lines as a first boot of the base image leaves, which says in a comment when that was. An image in layers
 * was booted twice, and has them twice.
 */
function sameLines(path: string, { image, base }: View): string | null {
  const [found, expected] = [textOf(image, path), textOf(base, path)];
  if (found === null || expected === null) return 'the first boot of the base image leaves no such file';
  const lines = (text: string): string => [...new Set(withoutComments(text))].join('\n');
  return lines(found) === lines(expected) ? null : 'the first boot of the base image leaves another';
}

const SUDO: Rule = {
  by: 'cloud-init',
  covers: (path) => ['/etc/sudoers.d/90-cloud-init-users', '/etc/default/locale', '/etc/locale.conf'].includes(path),
  problem: ({ path }, view) => sameLines(path, view),
};

export const OF_FIRST_BOOT: readonly Rule[] = [HOME, SUDO];
