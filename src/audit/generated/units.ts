import { posix } from 'node:path';
import { textOf } from '../audited.ts';
import { ownersOf } from '../packages.ts';
import { named, type Rule } from './rule.ts';

const HELPER = '/var/lib/systemd/deb-systemd-helper-enabled/';
const USER_HELPER = '/var/lib/systemd/deb-systemd-user-helper-enabled/';
const UNIT_FILE = /^(?:\/usr)?\/lib\/systemd\/user\/[^/]+$/;

const LINK = /^\/etc\/systemd\/(system|user)\/[^\s/]+(\/[^\s/]+)?$/;

/** What deb-systemd-helper remembers of units: empty marks, and lists of links. It starts nothing by itself. */
const REMEMBERED: Rule = {
  by: 'deb-systemd-helper',
  covers: (path, { kind }) => kind === 'file' && (path.startsWith(HELPER) || path.startsWith(USER_HELPER)),
  problem: ({ path, size }, { image }) => {
    if (!path.endsWith('.dsh-also')) return size === 0 ? null : 'it is not empty';
    const lines = (textOf(image, path) ?? '?').split('\n').filter((line) => line !== '');
    const strange = lines.filter((line) => !LINK.test(line) || line !== posix.normalize(line));
    return strange.length === 0 ? null : `it names ${named(strange)}`;
  },
};

/** Units of people who log in. Those of the system are the provisioners' or the base image's, or nobody's. */
const OF_USERS: Rule = {
  by: 'deb-systemd-helper',
  covers: (path, { kind }) => kind === 'link' && /^\/etc\/systemd\/user\/[^/]+\.wants\/[^/]+$/.test(path),
  problem: ({ path, target = '' }, view) => {
    const unit = posix.basename(path);
    // An instance of a template is a link to that.
    const isOfName = [unit, unit.replace(/@.*\./, '@.')].includes(posix.basename(target));
    if (!isOfName || !UNIT_FILE.test(target) || ownersOf(target, view).length === 0)
      return `it leads to ${target}, which is no unit of a package`;
    const isKnown = (textOf(view.image, `${USER_HELPER}${unit}.dsh-also`) ?? '').split('\n').includes(path);
    return isKnown ? null : 'no package enabled it';
  },
};

/** System V's links, which systemd reads only where a script has no unit. */
const RUN_LEVELS: Rule = {
  by: 'update-rc.d',
  covers: (path, { kind }) => kind === 'link' && /^\/etc\/rc[0-6S]\.d\/[SK]\d\d[^/]+$/.test(path),
  problem: ({ path, target = '' }, view) => {
    const script = posix.resolve(posix.dirname(path), target);
    const name = posix.basename(path).slice(3);
    return script === `/etc/init.d/${name}` && ownersOf(script, view).length > 0 ? null : `it leads to ${script}`;
  },
};

/** When a timer of systemd last ran; only its time is of interest. */
const STAMPS: Rule = {
  by: 'systemd',
  covers: (path) => /^\/var\/lib\/systemd\/timers\/stamp-[\w.@-]+\.timer$/.test(path),
  problem: ({ size, kind }) => (kind === 'file' && size === 0 ? null : 'it is not empty'),
};

export const OF_UNITS: readonly Rule[] = [REMEMBERED, OF_USERS, RUN_LEVELS, STAMPS];
