import type { Rule } from './rule.ts';

/**
 * What the package's rules leave out: keys that are cut off, keys of PuTTY, pairs of AWS without the name of the
 * secret, files of Docker and of netrc, hashes of passwords, and assignments by name.
 */
type Pattern = {
  readonly name: string;
  readonly literals: readonly string[];
  readonly pattern: RegExp;
  readonly inFilesOnly?: boolean;
  readonly reach?: number;
  /** Whether a match is one; groups of the pattern come by name. */
  readonly isSecret?: (groups: Readonly<Record<string, string | undefined>>, text: string) => boolean;
};

const PREFIX = 'audit/';
const SHORT_REACH = 2 * 1024;

const PLACEHOLDER =
  /^(?:x{3,}|\*{3,}|\.{3,}|change.?me|your|example|placeholder|dummy|secret|password|none|null|undefined|redacted)/i;

function isMixed(value: string): boolean {
  return /[A-Za-z]/.test(value) && /\d/.test(value);
}

/** One after the other; a pattern in parts fits a line. */
function patternOf(...parts: readonly RegExp[]): RegExp {
  return new RegExp(parts.map(({ source }) => source).join(''), 'g');
}

/** Bits a character; words of a language have fewer than what was made by chance. */
function entropyOf(value: string): number {
  const counts = new Map<string, number>();
  for (const character of value) counts.set(character, (counts.get(character) ?? 0) + 1);
  return [...counts.values()].reduce((sum, count) => sum - (count / value.length) * Math.log2(count / value.length), 0);
}

/** What is assigned in a program's source is most often a call, a variable or a word. */
function isAssignedSecret({ value = '' }: Readonly<Record<string, string | undefined>>): boolean {
  return isMixed(value) && !PLACEHOLDER.test(value) && !/^[/.~]|::|->/.test(value) && entropyOf(value) > 2.8;
}

const PATTERNS: readonly Pattern[] = [
  {
    name: 'private-key',
    literals: ['-----BEGIN', '---- BEGIN'],
    // Without an end: what is left of a key in a free block is often cut off.
    pattern: patternOf(
      /----[- ]BEGIN (?:[A-Z0-9]{1,10} ){0,2}(?:ENCRYPTED )?PRIVATE KEY(?: BLOCK)?-?----/,
      /(?:\\n|\s)*(?:[A-Za-z-]{3,20}: [^\n]{1,200}\n\s*){0,8}/,
      /(?<value>[A-Za-z0-9+/]{32,}(?:(?:\\n|\s)+[A-Za-z0-9+/=]+)?)/,
    ),
    isSecret: ({ value = '' }) => isMixed(value),
  },
  {
    name: 'putty-key',
    literals: ['PuTTY-User-Key-File-'],
    pattern: /PuTTY-User-Key-File-\d: [\s\S]{1,1500}?Private-/g,
  },
  {
    name: 'aws-key-pair',
    literals: ['AKIA', 'ASIA'],
    pattern: patternOf(
      /(?<![A-Za-z0-9])(?:AKIA|ASIA)(?<id>[A-Z0-9]{16})(?![A-Za-z0-9])/,
      /[\s\S]{1,200}?(?<![A-Za-z0-9+/=])(?<value>[A-Za-z0-9+/]{40})(?![A-Za-z0-9+/=])/,
    ),
    isSecret: ({ id = '', value = '' }) =>
      !id.endsWith('EXAMPLE') && /[a-z]/.test(value) && /[A-Z]/.test(value) && /\d/.test(value) && entropyOf(value) > 4,
  },
  {
    name: 'gcp-service-account',
    literals: ['"private_key_id"'],
    pattern: /"private_key_id"\s*:\s*"[0-9a-f]{40}"/g,
  },
  {
    name: 'gitlab-token',
    literals: [...['glrt-', 'gldt-', 'glcbt-', 'glptt-', 'glft-', 'glsoat-', 'glimt-', 'glagent-', 'gloas-']],
    pattern: /(?<![A-Za-z0-9])gl(?:rt|dt|cbt|ptt|ft|soat|imt|agent|oas)-(?:t\d_)?[A-Za-z0-9_.-]{20,}/g,
  },
  {
    name: 'npm-auth',
    literals: [':_authToken', ':_auth', ':_password'],
    pattern: /\/\/[^\s:]{3,200}(?::\d+)?[^\s:]{0,200}:_(?:authToken|auth|password)\s*=\s*"?(?<value>[^\s"$]{8,})/g,
  },
  {
    name: 'docker-auth',
    literals: ['"auths"'],
    pattern: /"auths"\s*:\s*\{[\s\S]{1,1500}?"(?:auth|identitytoken)"\s*:\s*"[A-Za-z0-9+/=._-]{8,}"/g,
  },
  {
    name: 'netrc',
    literals: ['machine '],
    pattern: /(?<![A-Za-z])machine\s+[\w.-]+\s+login\s+[^\s]{1,100}\s+password\s+(?<value>[^\s<>{}$]{4,})/g,
    isSecret: ({ value = '' }) => !PLACEHOLDER.test(value),
  },
  {
    name: 'password-hash',
    literals: [':$1$', ':$2a$', ':$2b$', ':$2y$', ':$5$', ':$6$', ':$y$', ':$7$', ':$gy$'],
    pattern: /(?<![\w.-])[a-z_][\w.-]{0,31}:\$(?:1|2[aby]|5|6|7|y|gy)\$[./A-Za-z0-9$=,]{20,}/g,
  },
  {
    name: 'assignment',
    literals: [
      ...['assword', 'ASSWORD', 'asswd', 'ASSWD', 'ecret', 'ECRET'],
      ...['pi_key', 'PI_KEY', 'piKey', 'pikey', 'PIKEY', 'pi-key', 'PI-KEY', 'pi_Key', 'oken', 'OKEN'],
    ],
    pattern: patternOf(
      /(?:[Pp]ass(?:word|wd)|PASS(?:WORD|WD)|[Ss]ecret|SECRET|[Aa]pi[_-]?[Kk]ey|API[_-]?KEY|[Tt]oken|TOKEN)/,
      /["']?[ \t]{0,8}(?:=|:)[ \t]{0,8}["']?(?<value>[^\s"'`,;{}()<>[\]$%|\\]{8,200})/,
    ),
    inFilesOnly: true,
    isSecret: isAssignedSecret,
  },
];

function find({ pattern, isSecret }: Pattern, text: string): readonly number[] {
  return [...text.matchAll(pattern)]
    .filter((match) => isSecret === undefined || isSecret(match.groups ?? {}, text))
    .map(({ index }) => index);
}

export const OWN_RULES: readonly Rule[] = PATTERNS.map((each) => ({
  id: `${PREFIX}${each.name}`,
  literals: each.literals,
  reach: each.reach ?? SHORT_REACH,
  inFilesOnly: each.inFilesOnly ?? false,
  find: (text) => find(each, text),
}));
