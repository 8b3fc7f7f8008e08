import { stringify } from 'yaml';
import type { HostConfig } from '#contracts/host-config.ts';
import { HOST_CONFIG_PATH } from '#contracts/host-service.ts';
import { asHostConfig } from '#contracts/validate-host-config.ts';
import { type ErrorDetail, userError } from '../io/errors.ts';

/** EC2's limit, before base64. */
export const MAX_USER_DATA_BYTES = 16 * 1024;

export type UserDataInput = {
  /** Name of the ECS cluster that the host joins. */
  readonly cluster: string;
  readonly host: HostConfig;
  /** Further variables of /etc/ecs/ecs.config; the agent's other settings are baked. */
  readonly ecs?: Readonly<Record<string, string>>;
};

const PLAIN = /^[\w.:/@%+=,-]*$/;
const biggest = (bytes: number): string => `user data is ${bytes} bytes; EC2 takes ${MAX_USER_DATA_BYTES}`;
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what cannot be written.
const UNWRITABLE = /[\u0000-\u001f\u007f]/;

/** In double quotes systemd (EnvironmentFile) and a shell read the same four escapes, so either sees the value as it is. */
const quote = (value: string): string => (PLAIN.test(value) ? value : `"${value.replaceAll(/["\\`$]/g, '\\$&')}"`);

/** What is wrong with a variable, or null. */
const variableProblem = (name: string, value: string): ErrorDetail | null => {
  if (!/^[A-Z][A-Z0-9_]*$/.test(name))
    return { key: name, reason: 'is no name of an environment variable', hint: 'capital letters, digits and _' };
  if (UNWRITABLE.test(value))
    return { key: name, reason: 'holds a line end or another control character', hint: 'one line of text' };
  return null;
};

/**
 * Cloud-config for one host. It writes the two files that make a host out of an image and runs nothing: what a host does is baked, so
 * nothing in here can start Docker or the agent.
 *
 * @throws EcsHostError `USER_DATA` (user) with everything that the host would not accept, or when it is larger than EC2 takes
 */
export const renderUserData = ({ cluster, host, ecs = {} }: UserDataInput): string => {
  const variables = { ECS_CLUSTER: cluster, ...ecs };
  const parsed = asHostConfig(host);
  const problems: ErrorDetail[] = [
    ...('problems' in parsed ? parsed.problems : []),
    ...Object.entries(variables).flatMap(([name, value]) => variableProblem(name, value) ?? []),
  ];
  if (ecs['ECS_CLUSTER'] !== undefined)
    problems.push({ key: 'ECS_CLUSTER', reason: 'is given twice', hint: 'the cluster has its own place' });
  if (problems.length > 0 || 'problems' in parsed)
    throw userError('USER_DATA', 'A host cannot be told this.', undefined, problems);
  const file = (path: string, content: string) => ({ path, owner: 'root:root', permissions: '0644', content });
  const config = {
    write_files: [
      file(HOST_CONFIG_PATH, `${JSON.stringify(parsed.config, null, 2)}\n`),
      file(
        '/etc/ecs/ecs.config',
        Object.entries(variables)
          .map(([name, value]) => `${name}=${quote(value)}\n`)
          .join(''),
      ),
    ],
  };
  const text = `#cloud-config\n${stringify(config, { lineWidth: 0 })}`;
  const bytes = Buffer.byteLength(text);
  if (bytes > MAX_USER_DATA_BYTES)
    throw userError(
      'USER_DATA',
      `${biggest(bytes)}.`,
      'a CA of one certificate is under 2 KiB; leave intermediate ones out',
    );
  return text;
};
