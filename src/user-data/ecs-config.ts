import type { ErrorDetail } from '../io/errors.ts';

/**
 * /etc/ecs/ecs.config has two readers. Amazon's ecs-init takes what stands behind `=` as it is, up to the end of the
 * line and without the blanks around the line. systemd (EnvironmentFile) takes a value as it is, too, unless it begins
 * with a quote or a blank, ends with one, or holds a backslash. So values are written literally, and those that the two
 * would read differently are refused. JSON begins with a bracket or a brace and arrives intact.
 */
const RULES: readonly (readonly [RegExp, string, string])[] = [
  [/\p{Cc}|[\u2028\u2029]/u, 'holds a line end or another control character', 'one line of text'],
  [/\\/, 'holds a backslash, which systemd takes away and ecs-init keeps', 'write it without'],
  [
    /^['"]/,
    'begins with a quote, which systemd takes away and ecs-init keeps',
    'write the value without quotes around it',
  ],
  [/^\s|\s$/u, 'begins or ends with a blank, which is taken away', 'write it without'],
  [/\p{Cs}/u, 'holds half a character', 'text that can be written as UTF-8'],
];

/** ECS's own rule for the name of a cluster. */
const CLUSTER = /^[A-Za-z0-9_-]{1,255}$/;

/** What is wrong with one variable, or null. */
function variableProblem(name: string, value: string): ErrorDetail | null {
  if (!/^[A-Z][A-Z0-9_]*$/.test(name))
    return { key: name, reason: 'is no name of an environment variable', hint: 'capital letters, digits and _' };
  if (name === 'ECS_CLUSTER')
    return { key: name, reason: 'is given twice', hint: 'the cluster has its own place (--cluster)' };
  for (const [form, reason, hint] of RULES) if (form.test(value)) return { key: name, reason, hint };
  return null;
}

/** All that the host's agent could not be told. */
export function ecsConfigProblems(cluster: string, variables: Readonly<Record<string, string>>): ErrorDetail[] {
  const problems = Object.entries(variables).flatMap(([name, value]) => variableProblem(name, value) ?? []);
  if (CLUSTER.test(cluster)) return problems;
  const hint = '1 to 255 letters, digits, - and _';
  return [{ key: 'cluster', reason: 'is no name that ECS allows', hint }, ...problems];
}

/** The file's text; the values were checked before (`ecsConfigProblems`). */
export function renderEcsConfig(cluster: string, variables: Readonly<Record<string, string>>): string {
  return Object.entries({ ECS_CLUSTER: cluster, ...variables })
    .map(([name, value]) => `${name}=${value}\n`)
    .join('');
}
