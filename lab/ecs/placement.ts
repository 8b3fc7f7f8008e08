import { type Body, text, unsupported } from './call.ts';
import { isConnected, type Registration } from './registrations.ts';
import { type Resources, remaining } from './resources.ts';
import type { TaskDefinition } from './task-definition.ts';
import type { Attribute } from './wire.ts';

/** What a task asks for; which GPUs it gets is said when it is placed. */
export type Wish = Omit<Resources, 'gpus'> & { readonly gpus: number };

/** Pure: a task's own size wins over the sum of its containers. */
export function wishOf({ cpu, memory, containers }: TaskDefinition): Wish {
  const sum = (of: (container: TaskDefinition['containers'][number]) => number): number =>
    containers.reduce((total, container) => total + of(container), 0);
  return {
    cpu: cpu ?? sum((each) => each.cpu),
    memory: memory ?? sum((each) => each.memoryReservation ?? each.memory ?? 0),
    gpus: sum((each) => each.gpus),
    ports: containers.flatMap(({ ports }) =>
      ports.flatMap(({ hostPort, protocol }) => (hostPort === 0 ? [] : [`${hostPort}/${protocol}`])),
    ),
  };
}

/** Where a task could go: an instance, and what is on it. */
export type Candidate = { readonly instance: Registration; readonly taken: readonly Resources[] };

/** What a placement constraint is asked of. */
type Subject = Pick<Registration, 'instanceId' | 'attributes'>;

const CLAUSE = /^\s*(?<subject>ec2InstanceId|attribute:[\w.\\/-]+)\s*(?<operator>==|!=|in|exists)\s*(?<value>.*?)\s*$/;

function factOf({ instanceId, attributes }: Subject, subject: string): Attribute | undefined {
  if (subject === 'ec2InstanceId') return { name: subject, value: instanceId };
  return attributes.find(({ name }) => name === subject.slice('attribute:'.length));
}

/**
 * Pure: ECS's cluster query language, as far as it is needed here: clauses joined by `and` over ec2InstanceId and
 * attributes. @throws Refused for the rest of it
 */
export function isMember(expression: string, instance: Subject): boolean {
  return expression.split(/\sand\s/).every((clause) => {
    const { subject = '', operator, value = '' } = CLAUSE.exec(clause)?.groups ?? {};
    if (subject === '') throw unsupported(`the expression "${clause.trim()}"`);
    const found = factOf(instance, subject);
    const wanted = value.replaceAll(/^\[|\]$|['"]/g, '').split(/\s*,\s*/);
    if (operator === 'exists') return found !== undefined;
    if (operator === '!=') return !wanted.includes(found?.value ?? '');
    return found?.value !== undefined && wanted.includes(found.value);
  });
}

/** Why ECS puts no task onto an instance, in the words that it uses; null when it would. */
export function obstacle(definition: TaskDefinition, wish: Wish, { instance, taken }: Candidate): string | null {
  if (!isConnected(instance)) return 'AGENT';
  const drivers = definition.containers.map(({ rest }) =>
    text((rest['logConfiguration'] as Body | null)?.['logDriver']),
  );
  const capability = (driver: string): string => `com.amazonaws.ecs.capability.logging-driver.${driver}`;
  if (drivers.some((driver) => driver !== '' && !instance.attributes.some(({ name }) => name === capability(driver))))
    return 'ATTRIBUTE';
  const left = remaining(instance.resources, taken);
  if (left.cpu < wish.cpu) return 'RESOURCE:CPU';
  if (left.memory < wish.memory) return 'RESOURCE:MEMORY';
  if (left.gpus.length < wish.gpus) return 'RESOURCE:GPU';
  if (wish.ports.some((port) => left.ports.includes(port))) return 'RESOURCE:PORTS';
  return null;
}

export type Placed = { readonly instance: Registration; readonly resources: Resources };
export type NotPlaced = { readonly failures: readonly { readonly arn: string; readonly reason: string }[] };

export type Constraints = {
  /** As RunTask and CreateService take them. */
  readonly constraints: readonly Body[];
  /** Where tasks of the same group are: `distinctInstance` keeps away from those. */
  readonly ofTheGroup: ReadonlySet<string>;
};

function unsatisfied({ constraints, ofTheGroup }: Constraints, instance: Registration): string | null {
  for (const { type, expression } of constraints) {
    if (type === 'distinctInstance' ? ofTheGroup.has(instance.arn) : !isMember(text(expression), instance))
      return type === 'distinctInstance'
        ? 'DistinctInstance placement constraint unsatisfied.'
        : 'MemberOf placement constraint unsatisfied.';
  }
  return null;
}

/** Pure: the GPUs that a task gets there are the first that are free. */
export function taking(wish: Wish, { instance, taken }: Candidate): Resources {
  return { ...wish, gpus: remaining(instance.resources, taken).gpus.slice(0, wish.gpus) };
}

/** Pure: the candidate with the most memory left that can take the task, or why each cannot. @throws Refused */
export function choose(
  definition: TaskDefinition,
  candidates: readonly Candidate[],
  { constraints, ofTheGroup }: Constraints,
): Placed | NotPlaced {
  const wish = wishOf(definition);
  const all = { constraints: [...definition.placementConstraints, ...constraints], ofTheGroup };
  const looked = candidates.map((candidate) => ({
    candidate,
    reason: unsatisfied(all, candidate.instance) ?? obstacle(definition, wish, candidate),
    left: remaining(candidate.instance.resources, candidate.taken).memory,
  }));
  const best = looked.filter(({ reason }) => reason === null).toSorted((a, b) => b.left - a.left)[0];
  if (best) return { instance: best.candidate.instance, resources: taking(wish, best.candidate) };
  return {
    failures: looked.map(({ candidate, reason }) => ({ arn: candidate.instance.arn, reason: reason ?? '' })),
  };
}
