import { join } from 'node:path';
import { applyEdits } from '../../src/bootstrap/apply.ts';
import type { Comparison, Pair } from '../../src/bootstrap/compare.ts';
import { desiredResources, type Wanted } from '../../src/bootstrap/desired.ts';
import { type Found, inAccount, type Kind, type OfKind, type Resource } from '../../src/bootstrap/resources.ts';
import { loadConfig } from '../../src/config/load.ts';
import { projectFolder } from '../../src/io/paths.ts';
import type { Message, RunContext } from '../../src/io/reporter.ts';
import { type Selection, select } from '../../src/plan/resolve.ts';
import { createContext } from '../../src/run/context.ts';
import type { Tags } from '../../src/run/tags.ts';

export const REGION = 'us-east-2';
export const ACCOUNT = { id: '123456789012', partition: 'aws' };
export const OURS: Tags = { 'ecs-host:owner': 'bootstrap', [`ecs-host:region/${REGION}`]: 'yes' };

export const WANTED: Wanted = {
  clients: ['10.20.0.0/16'],
  webserver: ['10.20.0.7/32'],
  logDays: 30,
  ci: { repository: 'octo-org/hosts', branch: 'main' },
};

/** A region of the hosts.yaml that the project ships. */
export async function shippedRegion(region = REGION): Promise<Selection> {
  const file = join(projectFolder(), 'hosts.yaml');
  const { config } = await loadConfig(file);
  return select(config, { region, profile: null }, file);
}

export async function resources(wanted: Partial<Wanted> = {}): Promise<Resource[]> {
  return inAccount(desiredResources(await shippedRegion(), { ...WANTED, ...wanted }), ACCOUNT);
}

/** The first of a kind. */
export async function resource<K extends Kind>(kind: K, wanted: Partial<Wanted> = {}): Promise<OfKind<K>> {
  const found = (await resources(wanted)).find((each) => each.kind === kind);
  if (!found) throw new Error(`no ${kind} is wanted`);
  return found as OfKind<K>;
}

export async function pair<K extends Kind>(
  kind: K,
  found: Found[K] | null,
  wanted: Partial<Wanted> = {},
): Promise<Pair> {
  return [await resource(kind, wanted), found] as unknown as Pair;
}

/** A context whose messages are kept. */
export function aContext(signal: AbortSignal = new AbortController().signal): {
  context: RunContext;
  messages: Message[];
} {
  const messages: Message[] = [];
  const reporter = { emit: (message: Message) => void messages.push(message), close: async () => {} };
  return { context: createContext({ runId: 'r-20261126120000-abcdef', reporter, signal }), messages };
}

export type Apply = (comparisons: readonly Comparison[], context?: RunContext) => Promise<string[]>;

/** Applies with clients, without waiting between attempts. */
export function applyWith(clients: Parameters<typeof applyEdits>[1]): Apply {
  return (comparisons, context = aContext().context) =>
    applyEdits(context, clients, comparisons, { regionName: REGION, groupId: 'sg-1', waitMs: 0 });
}
