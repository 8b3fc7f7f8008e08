import type { Change, Difference } from './difference.ts';

/** A mode and a hash say more to a program than to a person. */
function fileLine({ name, before, after }: Change): string {
  if (before === null) return `  + ${name}${after?.startsWith('->') ? ` ${after}` : ''}`;
  if (after === null) return `  - ${name}`;
  if (before.startsWith('->') || after.startsWith('->'))
    return `  ~ ${name} ${shortened(before)}, now ${shortened(after)}`;
  const [modeBefore, hashBefore] = before.split(' ');
  const [modeAfter, hashAfter] = after.split(' ');
  const mode = modeBefore === modeAfter ? [] : [`mode ${modeBefore}, now ${modeAfter}`];
  const content = hashBefore === hashAfter ? [] : ['content'];
  return `  ~ ${name} (${[...content, ...mode].join('; ')})`;
}

function shortened(value: string): string {
  return value.startsWith('->') ? value : 'a file';
}

function valueLine({ name, before, after }: Change): string {
  if (before === null) return `  + ${name} ${after}`;
  if (after === null) return `  - ${name} ${before}`;
  return `  ~ ${name} ${before} -> ${after}`;
}

/** Who explains them says why they differ. */
function fileLines(files: Difference['files']): string[] {
  if (files === null) return ['Files: not known, as no audit has read both disks'];
  if (files.length === 0) return [];
  const signs = files.map(({ name, before, after, by }) => {
    const sign = before === null ? '+' : after === null ? '-' : '~';
    return `  ${sign} ${name} (${by})`;
  });
  return [`Other files: ${counted(files)}`, ...signs];
}

function counted(changes: readonly Change[]): string {
  const added = changes.filter(({ before }) => before === null).length;
  const removed = changes.filter(({ after }) => after === null).length;
  const parts = [
    [added, 'added'],
    [removed, 'removed'],
    [changes.length - added - removed, 'changed'],
  ] as const;
  return parts.flatMap(([count, what]) => (count === 0 ? [] : [`${count} ${what}`])).join(', ');
}

/** Pure: what people read; what is the same is not mentioned. */
export function differenceLines(difference: Difference): string[] {
  const { before, after, versions, packages, npm, settings, configuration, files } = difference;
  const parts: readonly (readonly [title: string, changes: readonly Change[], line: (change: Change) => string])[] = [
    ['Settings', settings, valueLine],
    ['Versions', versions, valueLine],
    ['Packages', packages, valueLine],
    ['npm packages of our programs', npm, valueLine],
    ['Below /etc', configuration, fileLine],
  ];
  const told = parts.filter(([, changes]) => changes.length > 0);
  return [
    `from ${before} to ${after}${told.length === 0 && (files ?? []).length === 0 ? ': no difference' : ''}`,
    ...told.flatMap(([title, changes, line]) => [`${title}: ${counted(changes)}`, ...changes.map(line)]),
    ...fileLines(files),
  ];
}
