import type { FindingLine } from '#contracts/audit.ts';
import type { Check } from '#contracts/check.ts';
import type { Inventory } from '../inventory/inventory.ts';
import type { BuildPlan } from '../plan/build-plan.ts';
import type { Listening, Settings } from './booted-facts.ts';
import {
  type Differences,
  dockerDifferences,
  environmentDifferences,
  socketDifferences,
  sshdDifferences,
  unitDifferences,
} from './compare-facts.ts';
import { type Finding, findingText } from './finding.ts';
import type { ReadDisks } from './read-disks.ts';
import { bootedDifferences } from './same-booted.ts';

/** What instances of the image said, as far as they were asked; null where one could not be. */
export type Booted = {
  readonly inventory: Inventory | null;
  readonly settings: Settings | null;
  /** Before the gate opened, and after. */
  readonly shut: Listening | null;
  readonly open: Listening | null;
};

/** Answers to the checks of the part `audit`, by their id. */
export type Answers = Readonly<Record<string, { readonly actual: string; readonly isCorrect: boolean } | null>>;

function answer(differences: Differences | null, right: string) {
  if (differences === null) return null;
  return differences.length === 0
    ? { actual: right, isCorrect: true }
    : { actual: differences.join('; '), isCorrect: false };
}

function counted(findings: readonly unknown[], right: string, what: string) {
  return { actual: findings.length === 0 ? right : `${findings.length} ${what}`, isCorrect: findings.length === 0 };
}

/** Pure: what disk and instances come to. Null for what nobody could be asked about. */
export function auditAnswers(
  { image, explained, secrets, base }: ReadDisks,
  { inventory, settings, shut, open }: Booted,
  { plan, ownTunnel, onConsole }: { plan: BuildPlan; ownTunnel: number; onConsole: readonly FindingLine[] },
): Answers {
  const { findings, missing } = explained;
  const sockets = (facts: Listening | null, isOpen: boolean) =>
    facts === null ? null : socketDifferences(facts, base, { plan, ownTunnel, isOpen });
  return {
    'audit.explained': counted(findings, 'all of it', 'things are not'),
    'audit.complete': counted(missing, 'nothing', 'things'),
    'audit.secrets': counted([...secrets, ...onConsole], 'none', 'places'),
    'audit.booted': answer(inventory === null ? null : bootedDifferences(inventory, image), 'the same'),
    'audit.sshd': answer(settings === null ? null : sshdDifferences(settings, base), 'the same'),
    'audit.units': answer(settings === null ? null : unitDifferences(settings, base, plan.provisioned), 'as planned'),
    'audit.environment': answer(settings === null ? null : environmentDifferences(settings, base), 'the same'),
    'audit.sockets-shut': answer(sockets(shut, false), 'nobody else'),
    'audit.sockets-open': answer(sockets(open, true), 'nobody else'),
    'audit.docker': answer(open === null ? null : dockerDifferences(open, plan), 'as planned'),
  };
}

function findingCheck(finding: Finding): Check {
  const { kind, path } = finding;
  return {
    id: `audit ${path}`,
    title: kind === 'missing' ? `${path} is there` : `${path} is explained`,
    expected: kind === 'missing' ? 'there' : 'explained',
    actual: findingText(finding),
    verdict: 'incorrect',
  };
}

function secretText({ rule, where, path, offset }: FindingLine): { at: string; text: string } {
  const at = path ?? `${where} at ${offset}`;
  return { at, text: `${rule}, ${where === 'file' ? `at ${offset} bytes` : `${where} at ${offset} bytes`}` };
}

function secretCheck(line: FindingLine): Check {
  const { at, text } = secretText(line);
  return {
    id: `audit ${at}, ${line.rule} at ${line.offset}`,
    title: `${at} holds no secret`,
    expected: 'no secret',
    actual: text,
    verdict: 'incorrect',
  };
}

/** More than these nobody reads one by one; all of them are in the report of the audit. */
const MOST_NAMED = 200;

/** Pure: a check for each thing that was found, so that the verdict names each by its path. */
export function findingChecks(
  { explained, secrets }: Pick<ReadDisks, 'explained' | 'secrets'>,
  onConsole: readonly FindingLine[],
): readonly Check[] {
  const all = [
    ...[...secrets, ...onConsole].map(secretCheck),
    ...[...explained.findings, ...explained.missing].map(findingCheck),
  ];
  return all.slice(0, MOST_NAMED);
}
