import { stringify } from 'yaml';
import type { HostConfig } from '#contracts/host-config.ts';
import { HOST_CONFIG_PATH } from '#contracts/host-service.ts';
import { asHostConfig } from '#contracts/validate-host-config.ts';
import { type ErrorDetail, userError } from '../io/errors.ts';
import { ecsConfigProblems, renderEcsConfig } from './ecs-config.ts';

/** EC2's limit, before base64. */
export const MAX_USER_DATA_BYTES = 16 * 1024;

export type UserDataInput = {
  /** Name of the ECS cluster that the host joins. */
  readonly cluster: string;
  readonly host: HostConfig;
  /** Further variables of /etc/ecs/ecs.config; the agent's other settings are baked. */
  readonly ecs?: Readonly<Record<string, string>>;
};

function biggest(bytes: number): string {
  return `user data is ${bytes} bytes; EC2 takes ${MAX_USER_DATA_BYTES}`;
}

/**
 * Cloud-config for one host. It writes the two files that make a host out of an image and runs nothing: what a host
 * does is baked, so nothing in here can start Docker or the agent.
 *
 * @throws EcsHostError `USER_DATA` (user) with everything that the host would not accept, or when it is larger than EC2
 *   takes
 */
export function renderUserData({ cluster, host, ecs = {} }: UserDataInput): string {
  const parsed = asHostConfig(host);
  const problems: ErrorDetail[] = [
    ...('problems' in parsed ? parsed.problems : []),
    ...ecsConfigProblems(cluster, ecs),
  ];
  if (problems.length > 0 || 'problems' in parsed)
    throw userError('USER_DATA', 'A host cannot be told this.', undefined, problems);
  const file = (path: string, content: string) => ({ path, owner: 'root:root', permissions: '0644', content });
  const config = {
    write_files: [
      file(HOST_CONFIG_PATH, `${JSON.stringify(parsed.config, null, 2)}\n`),
      file('/etc/ecs/ecs.config', renderEcsConfig(cluster, ecs)),
    ],
  };
  const text = `#cloud-config\n${stringify(config, { lineWidth: 0 })}`;
  const bytes = Buffer.byteLength(text);
  if (bytes > MAX_USER_DATA_BYTES)
    throw userError(
      'USER_DATA',
      `${biggest(bytes)}.`,
      host.webserverCa === null || host.webserverCa.length < bytes / 2
        ? 'leave variables of the agent out, or bake them'
        : 'a CA of one certificate is under 2 KiB; leave intermediate ones out',
    );
  return text;
}
