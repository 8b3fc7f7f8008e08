import { isDeepStrictEqual } from 'node:util';
import type { AuditEntry } from '#contracts/audit.ts';
import type { ProvisionedEntry, ProvisionedRule } from '#contracts/provisioned.ts';
import type { BuildPlan } from '../../plan/build-plan.ts';
import { planSummaryText } from '../../plan/plan-file.ts';
import { textOf } from '../audited.ts';
import type { View } from '../generated/rule.ts';
import { keyFingerprints } from './openpgp.ts';

export type Judging = View & { readonly plan: BuildPlan };

/** The content of a file as text, and what a rule compares it with. @returns null for what is right, else in words */
type TextRule = (text: string, expected: string, judging: Judging) => string | null;

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function objectOf(value: unknown): Readonly<Record<string, unknown>> | null {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : null;
}

/** `>=N` stands for that number or a higher one. */
const atLeast: TextRule = (text, expected) => {
  const parts = expected.split(/(>=\d+)/);
  const pattern = parts
    .map((part) =>
      part.startsWith('>=') ? '([1-9]\\d*|infinity|unlimited)' : part.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&'),
    )
    .join('');
  const found = new RegExp(`^${pattern}$`).exec(text);
  if (found === null) return 'its content';
  const least = parts.filter((part) => part.startsWith('>=')).map((part) => Number(part.slice(2)));
  const isEnough = least.every((number, at) => {
    const value = found[at + 1] ?? '';
    return /^\D/.test(value) || Number(value) >= number;
  });
  return isEnough ? null : 'a limit that is too low';
};

const RUNTIMES = ['nvidia-container-runtime', '/usr/bin/nvidia-container-runtime'];

function areOfNvidia(runtimes: unknown, features: unknown): boolean {
  const { nvidia, ...others } = objectOf(runtimes) ?? {};
  const { args = [], path, runtimeArgs = [], ...more } = objectOf(nvidia) ?? {};
  const { cdi, ...settings } = objectOf(features) ?? {};
  const isRuntime =
    typeof path === 'string' && RUNTIMES.includes(path) && isDeepStrictEqual([args, runtimeArgs], [[], []]);
  return isRuntime && cdi === true && Object.keys({ ...others, ...more, ...settings }).length === 0;
}

const dockerConfig: TextRule = (text, expected) => {
  const config = objectOf(parsed(text));
  if (config === null) return 'it is no JSON object';
  // Of a key that is there twice Docker takes both tables, and this would see one.
  const compact = (json: string): string => json.replaceAll(/\s/g, '');
  if (compact(text) !== compact(JSON.stringify(config))) return 'a key that is there twice';
  const { runtimes, features, ...rest } = config;
  if (!areOfNvidia(runtimes, features)) return 'its runtimes or features';
  return isDeepStrictEqual(rest, parsed(expected)) ? null : 'a setting of Docker';
};

const imageRecord: TextRule = (text, _expected, { plan }) => {
  const record = objectOf(parsed(text));
  if (record === null) return 'it is no JSON object';
  const planned: Readonly<Record<string, unknown>> = {
    profile: plan.profile,
    planName: plan.planName,
    planDigest: plan.digest,
    sourceImage: plan.baseImage,
    substitutions: plan.substitutions,
  };
  const different = Object.keys(planned).filter((name) => !isDeepStrictEqual(record[name], planned[name]));
  const areTexts = Object.values(objectOf(record['versions']) ?? { none: null }).every(
    (each) => typeof each === 'string',
  );
  if (different.length > 0) return `its ${different.join(', ')}`;
  return areTexts ? null : 'its versions';
};

const openpgpKey: TextRule = (text, expected) => {
  const found = keyFingerprints(text);
  return found?.length === 1 && found[0] === expected ? null : `the key ${found?.join(', ') ?? '(none)'}`;
};

const planSummary: TextRule = (text, _expected, { plan }) => (text === planSummaryText(plan) ? null : 'its content');

/** What the runtime starts itself, found by its name: the witness stands in front of that. */
const LOW_LEVEL = /^"(docker-runc|runc|crun)"$/;

const runtimeMode: TextRule = (text, expected) => {
  const table = /^\[nvidia-container-runtime\]\n((?:(?!\s*\[).*\n?)*)/m.exec(text)?.[1] ?? '';
  const mode = /^\s*mode\s*=\s*"([^"]*)"/m.exec(table)?.[1];
  const runtimes = /^\s*runtimes\s*=\s*\[([^\]]*)/m.exec(table)?.[1] ?? '';
  const strange = runtimes
    .split(',')
    .map((each) => each.trim())
    .filter((each) => each !== '' && !LOW_LEVEL.test(each));
  if (strange.length > 0) return `the runtimes ${strange.join(', ')}`;
  return mode === expected ? null : `mode ${mode ?? 'not set'}`;
};

const securityUpdates: TextRule = (text, _expected, { packages }) => {
  const updates = parsed(text);
  if (!Array.isArray(updates)) return 'it is no list';
  const strange = updates
    .map(objectOf)
    .filter((each) => !each?.['to'] || packages.versions.get(String(each['name'])) !== each['to']);
  return strange.length === 0 ? null : `${String(strange[0]?.['name'])} is not in that version`;
};

const TEXT_RULES: Partial<Record<ProvisionedRule, TextRule>> = {
  'at-least': atLeast,
  'docker-config': dockerConfig,
  'image-record': imageRecord,
  'openpgp-key': openpgpKey,
  'plan-summary': planSummary,
  'runtime-mode': runtimeMode,
  'security-updates': securityUpdates,
};

const SWAP_HEADER = { bytes: 4096, magic: 'SWAPSPACE2' } as const;

function swapFile({ path, size, zeroFrom }: AuditEntry, expected: string, { image }: Judging): string | null {
  if (String(size) !== expected) return `${size} bytes for ${expected}`;
  if ((zeroFrom ?? Number.POSITIVE_INFINITY) > SWAP_HEADER.bytes) return 'something is stored in it';
  const header = image.contents.get(path)?.subarray(0, SWAP_HEADER.bytes);
  return header === undefined || header.toString('latin1').endsWith(SWAP_HEADER.magic) ? null : 'it is no swap space';
}

function packageFile({ path, md5 }: AuditEntry, expected: string, { packages }: Judging): string | null {
  const isDiverted = packages.diversions.get(expected) === path;
  return isDiverted && packages.checksums.get(path) === md5 ? null : 'its package has another';
}

/** Null when an entry whose content could not be known is as its rule says. */
export function ruleProblem(found: AuditEntry, put: ProvisionedEntry, judging: Judging): string | null {
  const { rule, expected = '' } = put;
  if (rule === 'swap-file') return swapFile(found, expected, judging);
  if (rule === 'package-file') return packageFile(found, expected, judging);
  if (rule === undefined || rule === 'tree' || rule === 'installer-log') return null;
  const judge = TEXT_RULES[rule];
  if (judge === undefined) return 'by a rule that is not known here';
  const text = textOf(judging.image, found.path);
  return text === null ? 'its content is not known' : judge(text, expected, judging);
}

/** Pure: what an installer that is no package says that it put: lines that are, or end with, an absolute path. */
export function pathsInLog(log: string): readonly string[] {
  return log.split('\n').flatMap((line) => /^(?:\d+: )?(\/.+)$/.exec(line)?.[1] ?? []);
}
