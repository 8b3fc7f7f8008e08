import { textOf } from '../audited.ts';
import { named, type Rule, type View } from './rule.ts';

/** Accounts that packages of hosts make, by name: the package, and whether a user or only a group. */
const OF_PACKAGES: Readonly<Record<string, { readonly packages: readonly string[]; readonly kind: 'group' | 'user' }>> =
  {
    docker: { packages: ['docker.io', 'docker-ce'], kind: 'group' },
    'nvidia-persistenced': { packages: ['nvidia-persistenced'], kind: 'user' },
  };
/** The login user works with Docker (lib/docker-group.ts of the provisioners). */
const JOINED = 'docker';
/** A password that fits nothing. */
const LOCKED = /^[!*]+$/;
const FIRST_USER_ID = 1000;
/** As a program writes a number that is not root's: C reads `00`, and nothing, as 0. */
const ID = /^[1-9]\d{0,4}$/;
const SHELLS = ['/bin/bash', '/bin/sh'];
const NO_SHELLS = ['/usr/sbin/nologin', '/sbin/nologin', '/bin/false', '/usr/bin/false'];
/** Behind those of accounts of the machine itself. */
const SUBORDINATE = /^[1-9]\d{5,9}:[1-9]\d{0,9}$/;

function recordsOf(text: string | null): ReadonlyMap<string, readonly string[]> {
  return new Map(
    (text ?? '')
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => [line.split(':')[0] ?? '', line.split(':')] as const),
  );
}

function isOfPackage(name: string, kind: 'group' | 'user', { packages }: View): boolean {
  const known = Object.hasOwn(OF_PACKAGES, name) ? OF_PACKAGES[name] : undefined;
  if (known === undefined || !known.packages.some((each) => packages.versions.has(each))) return false;
  return kind === 'group' || known.kind === 'user';
}

/** What is wrong with an account's line that the base has otherwise, or not at all; null for nothing. */
type Judge = (fields: readonly string[], base: readonly string[] | null, view: View) => string | null;

const passwd: Judge = (fields, base, view) => {
  const [name = '', password, uid = '', gid = '', , home, shell = ''] = fields;
  if (base !== null) return `account ${name} is changed`;
  const isUser = Number(uid) >= FIRST_USER_ID;
  const isLogin = name === view.sshUser && isUser && home === `/home/${name}` && SHELLS.includes(shell);
  const isService = isOfPackage(name, 'user', view) && !isUser && NO_SHELLS.includes(shell);
  const isWhole = fields.length === 7 && password === 'x' && ID.test(uid) && ID.test(gid);
  return isWhole && (isLogin || isService) ? null : `account ${name}`;
};

const shadow: Judge = (fields, base, view) => {
  const [name = '', password = '', ...days] = fields;
  if (!LOCKED.test(password)) return base?.[1] === password ? null : `account ${name} has a password`;
  const isWhole = days.length === 7 && days.every((each) => /^\d*$/.test(each));
  const isKnown = base !== null || name === view.sshUser || isOfPackage(name, 'user', view);
  return isWhole && isKnown ? null : `account ${name}`;
};

/** Members may only be the login user's: of Docker's group, and of those that the base gives it. */
function membersProblem(name: string, members: string, base: readonly string[] | null, view: View): string | null {
  const before = (base?.[3] ?? '').split(',');
  const added = members.split(',').filter((member) => member !== '' && !before.includes(member));
  const isExpected = added.every((member) => member === view.sshUser && (name === JOINED || base === null));
  return isExpected ? null : `group ${name} has members ${added.join(', ')}`;
}

const group: Judge = (fields, base, view) => {
  const [name = '', password = '', gid = '', members = ''] = fields;
  if (base !== null && (base[2] !== gid || base[1] !== password)) return `group ${name} is changed`;
  const isNew = ID.test(gid) && password === 'x' && isOfPackage(name, 'group', view);
  if (fields.length !== 4 || (base === null && !isNew)) return `group ${name}`;
  return membersProblem(name, members, base, view);
};

const gshadow: Judge = (fields, base, view) => {
  const [name = '', password = '', administrators = '', members = ''] = fields;
  if (!LOCKED.test(password) && base?.[1] !== password) return `group ${name} has a password`;
  if (administrators !== (base?.[2] ?? '')) return `group ${name} has administrators`;
  if (base === null && !isOfPackage(name, 'group', view)) return `group ${name}`;
  return membersProblem(name, members, base, view);
};

/** Ranges of ids for containers of the login user. */
const subordinate: Judge = ([name = '', ...range], base, view) =>
  base === null && name === view.sshUser && SUBORDINATE.test(range.join(':')) ? null : `ids for ${name}`;

const JUDGES: Readonly<Record<string, Judge>> = {
  '/etc/passwd': passwd,
  '/etc/shadow': shadow,
  '/etc/group': group,
  '/etc/gshadow': gshadow,
  '/etc/subuid': subordinate,
  '/etc/subgid': subordinate,
};

const WITH_IDS = ['/etc/passwd', '/etc/group'];

function fileOf(path: string): string {
  return path.endsWith('-') ? path.slice(0, -1) : path;
}

/** The databases of users and groups, and the copies that their programs leave of the state before. */
export const ACCOUNTS: Rule = {
  by: 'useradd and groupadd',
  covers: (path) => JUDGES[fileOf(path)] !== undefined,
  problem: ({ path, mode }, view) => {
    const file = fileOf(path);
    const judge = JUDGES[file];
    const text = textOf(view.image, path);
    if (judge === undefined || text === null) return 'its content is not known';
    if (file.endsWith('shadow') && (mode & 0o007) !== 0) return 'others may read it';
    const base = recordsOf(textOf(view.base, file));
    const found = recordsOf(text);
    const wrong = [...found].flatMap(([name, fields]) => {
      const before = base.get(name) ?? null;
      if (before !== null && before.join(':') === fields.join(':')) return [];
      return judge(fields, before, view) ?? [];
    });
    const doubled =
      text.split('\n').filter((line) => line !== '').length > found.size ? ['a name that is there twice'] : [];
    const isOfAnother = (id: string | undefined): boolean =>
      [...found.values()].filter((each) => each[2] === id).length > 1;
    const shared = [...found].filter(
      ([name, [, , id]]) => WITH_IDS.includes(file) && !base.has(name) && isOfAnother(id),
    );
    const isCurrent = file === path;
    const gone = isCurrent ? [...base.keys()].filter((name) => !found.has(name)).map((name) => `no ${name}`) : [];
    return named([...wrong, ...doubled, ...shared.map(([name]) => `${name} with the id of another`), ...gone]);
  },
};
