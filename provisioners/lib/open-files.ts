/** A soft and a hard limit. */
export type Limit = { readonly soft: number; readonly hard: number };

function numberOf(text: string): number {
  return /^(infinity|unlimited|-1)$/.test(text) ? Number.POSITIVE_INFINITY : Number(text);
}

function wordOf(value: number, endless: string): string {
  return Number.isFinite(value) ? String(value) : endless;
}

function higher(one: Limit, other: Limit): Limit {
  return { soft: Math.max(one.soft, other.soft), hard: Math.max(one.hard, other.hard) };
}

/** Pure: of what `systemctl show` says; a limit that it does not say is none. */
export function managerLimit(show: string): Limit {
  const limitOf = (name: string): number => numberOf(new RegExp(`^${name}=(.+)$`, 'm').exec(show)?.[1] ?? '0');
  return { soft: limitOf('DefaultLimitNOFILESoft'), hard: limitOf('DefaultLimitNOFILE') };
}

const MANAGER_LINE = /^(DefaultLimitNOFILE=)(\w+):(\w+)$/m;

/** Pure: a system.conf.d file whose limit is not lower than the present one. */
export function raisedManagerLimit(text: string, present: Limit): string {
  return text.replace(MANAGER_LINE, (_line, key: string, soft: string, hard: string) => {
    const most = higher({ soft: numberOf(soft), hard: numberOf(hard) }, present);
    return `${key}${wordOf(most.soft, 'infinity')}:${wordOf(most.hard, 'infinity')}`;
  });
}

/** Pure: what a file that was raised has at least, in the words of the rule `at-least` (contracts/provisioned.ts). */
export function leastManagerLimit(text: string): string {
  return text.replace(MANAGER_LINE, '$1>=$2:>=$3');
}

const LINE = /^\*\s+(soft|hard|-)\s+nofile\s+(\S+)/gm;

/** Pure: what limits.d files say for everybody; of several lines the highest. */
export function everybodysLimit(texts: readonly string[]): Limit {
  return [...texts.join('\n').matchAll(LINE)].reduce(
    (most, [, kind, value = '0']) => {
      const found = numberOf(value);
      return higher(most, { soft: kind === 'hard' ? 0 : found, hard: kind === 'soft' ? 0 : found });
    },
    { soft: 0, hard: 0 },
  );
}

/** Pure: the same of a limits.d file. */
export function leastEverybodysLimit(text: string): string {
  return text.replace(LINE, '* $1 nofile >=$2');
}

/** Pure: a limits.d file in which nothing is lower than in the others. */
export function raisedEverybodysLimit(text: string, others: Limit): string {
  return text.replace(LINE, (_line, kind: 'soft' | 'hard', value: string) => {
    const most = Math.max(numberOf(value), others[kind]);
    return `* ${kind} nofile ${wordOf(most, 'unlimited')}`;
  });
}
