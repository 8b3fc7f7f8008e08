import type { AuditEntry } from '#contracts/audit.ts';
import { textOf } from '../audited.ts';
import { DPKG, LISTS, ownersOf, realPath } from '../packages.ts';
import { named, type Rule, type View } from './rule.ts';

const GROUPS = `${DPKG}/alternatives/`;
const CHOSEN = '/etc/alternatives/';

/** A group: links by their name, and for each choice where those lead, in the same order; empty for nowhere. */
type Group = { readonly links: readonly (readonly [name: string, link: string])[]; readonly choices: string[][] };

/** Pure: as update-alternatives writes it, or null for what it does not. */
export function groupOf(name: string, text: string): Group | null {
  const [status = '', main = '', ...lines] = text.split('\n');
  if (status !== 'auto' && status !== 'manual') return null;
  const links: [string, string][] = [[name, main]];
  let at = 0;
  for (; (lines[at] ?? '') !== ''; at += 2) links.push([lines[at] ?? '', lines[at + 1] ?? '']);
  const choices: string[][] = [];
  // A priority stands between the first and the others.
  for (at += 1; (lines[at] ?? '') !== ''; at += links.length + 1)
    choices.push([lines[at] ?? '', ...lines.slice(at + 2, at + 1 + links.length)]);
  return { links, choices };
}

/** A package that has one of the choices says in its script that it makes the group. */
function isMade(name: string, { choices }: Group, view: View): boolean {
  const owners = choices.flatMap(([choice = '']) => ownersOf(choice, view));
  const scripts = owners.flatMap((owner) =>
    [owner, `${owner}:amd64`].map((each) => textOf(view.image, `${LISTS}${each}.postinst`) ?? ''),
  );
  return scripts.some((script) => script.includes('update-alternatives') && script.split(/[^\w.+-]+/).includes(name));
}

/** Null for a group that a package made, of files of packages; else what is wrong with it. */
function groupProblem(name: string, group: Group | null, view: View): string | null {
  if (group === null) return 'it is no group of alternatives';
  const strange = group.choices.flat().filter((each) => each !== '' && ownersOf(each, view).length === 0);
  if (strange.length > 0) return `it names ${named(strange)}, of no package`;
  return isMade(name, group, view) ? null : 'no package makes this group';
}

/** Every link of an image asks for the same. */
const RIGHT = new WeakMap<View, readonly Group[]>();

function rightGroups(view: View): readonly Group[] {
  const groups =
    RIGHT.get(view) ??
    [...view.image.contents].flatMap(([path, content]) => {
      if (!path.startsWith(GROUPS)) return [];
      const name = path.slice(GROUPS.length);
      const group = groupOf(name, content.toString('utf8'));
      return group !== null && groupProblem(name, group, view) === null ? [group] : [];
    });
  RIGHT.set(view, groups);
  return groups;
}

function linkProblem({ path, target = '' }: AuditEntry, view: View): string | null {
  const at = (each: string): string => realPath(view.image.entries, each);
  const isChosen = path.startsWith(CHOSEN);
  const isRight = rightGroups(view).some(({ links, choices }) =>
    links.some(([name, link], column) =>
      isChosen
        ? path === `${CHOSEN}${name}` && choices.some((choice) => choice[column] === target)
        : at(link) === path && target === `${CHOSEN}${name}` && view.image.entries.has(target),
    ),
  );
  if (isRight) return null;
  return isChosen ? `it leads to ${target}, which is no choice of its group` : 'no group of alternatives has it';
}

/** A link of the alternatives system leads to a choice of its group, which a package made of files of packages. */
export const ALTERNATIVES: Rule = {
  by: 'update-alternatives',
  covers: (path, { kind, target = '' }) =>
    path.startsWith(GROUPS) || (kind === 'link' && (path.startsWith(CHOSEN) || target.startsWith(CHOSEN))),
  problem: (entry, view) => {
    const { path, kind } = entry;
    if (!path.startsWith(GROUPS))
      return view.packages.checksums.has(path) ? 'a package has a file there' : linkProblem(entry, view);
    const text = kind === 'file' ? textOf(view.image, path) : null;
    if (text === null) return 'its content is not known';
    const name = path.slice(GROUPS.length);
    return groupProblem(name, groupOf(name, text), view);
  },
};
