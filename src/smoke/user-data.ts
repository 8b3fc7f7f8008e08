import { stringify } from 'yaml';
import { HOST_CONFIG_PATH, type HostConfig } from '#contracts/host-service.ts';

/** EC2's limit, before base64. */
export const MAX_USER_DATA_BYTES = 16 * 1024;

export type UserDataInput = {
  readonly host: HostConfig;
  /** Lines of /etc/ecs/ecs.config; the agent's other settings are baked. */
  readonly ecs: Readonly<Record<string, string>>;
};

/** systemd reads it as an EnvironmentFile and the agent's own tools as a shell fragment: only values that mean the same to both. */
const environmentFile = (values: Readonly<Record<string, string>>): string =>
  Object.entries(values)
    .map(([name, value]) => {
      if (!/^[A-Z][A-Z0-9_]*$/.test(name)) throw new RangeError(`"${name}" is no name of an environment variable`);
      if (!/^[\w.:/@%+=,-]*$/.test(value))
        throw new RangeError(`the value of ${name} needs quoting, which ecs.config does not have`);
      return `${name}=${value}\n`;
    })
    .join('');

/**
 * Cloud-config for one host. It writes the two files that make a host out of an image and runs nothing: what a host does is baked.
 *
 * @throws RangeError when it is larger than EC2 takes, or a value cannot be written
 */
export const renderUserData = ({ host, ecs }: UserDataInput): string => {
  const config = {
    write_files: [
      {
        path: HOST_CONFIG_PATH,
        owner: 'root:root',
        permissions: '0644',
        content: `${JSON.stringify(host, null, 2)}\n`,
      },
      { path: '/etc/ecs/ecs.config', owner: 'root:root', permissions: '0644', content: environmentFile(ecs) },
    ],
  };
  const text = `#cloud-config\n${stringify(config, { lineWidth: 0 })}`;
  const bytes = Buffer.byteLength(text);
  if (bytes > MAX_USER_DATA_BYTES)
    throw new RangeError(`user data is ${bytes} bytes; EC2 takes ${MAX_USER_DATA_BYTES}`);
  return text;
};
