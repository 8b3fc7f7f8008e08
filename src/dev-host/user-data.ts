import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { userError } from '../io/errors.ts';
import { MAX_USER_DATA_BYTES } from '../user-data/render.ts';

/** The host counts no deadline for longer than this after it first saw it (LONGEST_S of the watch). */
export const LONGEST_TTL_HOURS = 168;

export type DevUserDataInput = {
  /** When it stops by itself, as the tag says it: UTC, whole seconds, `2026-11-26T22:00:00Z`. */
  readonly expires: string;
  /** How long it may be without use before it stops; 0 is for ever. */
  readonly idleMinutes: number;
  /** Lines as in authorized_keys, for the image's own login user. */
  readonly authorizedKeys: readonly string[];
};

const UNITS = '/etc/systemd/system';
/** On the host; what `extend` writes over ssh (docs/decisions/0143). */
const STATE = '/var/lib/ecs-host-dev';
export const EXPIRES_FILE = `${STATE}/expires`;

/**
 * A laptop that is gone is no user: its connection ends after two minutes without an answer. sshd takes the first value
 * that it reads, so the file goes before those of images.
 */
const SSHD = 'ClientAliveInterval 30\nClientAliveCountMax 4\n';

function watchFile(name: string): string {
  return readFileSync(join(import.meta.dirname, 'watch', name), 'utf8');
}

/**
 * Cloud-config that lets its keys in and has the host stop by itself, whatever becomes of the command that started it.
 *
 * @throws EcsHostError `USER_DATA` (user) when it is larger than EC2 takes
 */
export function renderDevUserData({ expires, idleMinutes, authorizedKeys }: DevUserDataInput): string {
  const file = (path: string, content: string, permissions = '0644') => ({
    path,
    owner: 'root:root',
    permissions,
    content,
  });
  const config = {
    ssh_authorized_keys: authorizedKeys.map((key) => key.trim()),
    write_files: [
      file(EXPIRES_FILE, `${expires}\n`),
      file(`${STATE}/idle-minutes`, `${idleMinutes}\n`),
      file('/usr/local/sbin/ecs-host-dev-watch', watchFile('ecs-host-dev-watch'), '0755'),
      file(`${UNITS}/ecs-host-dev-watch.service`, watchFile('ecs-host-dev-watch.service')),
      file(`${UNITS}/ecs-host-dev-watch.timer`, watchFile('ecs-host-dev-watch.timer')),
      file('/etc/ssh/sshd_config.d/00-ecs-host-dev.conf', SSHD),
    ],
    runcmd: [
      ['systemctl', 'reload', 'ssh'],
      ['systemctl', 'daemon-reload'],
      ['systemctl', 'enable', '--now', 'ecs-host-dev-watch.timer'],
    ],
  };
  const text = `#cloud-config\n${stringify(config, { lineWidth: 0 })}`;
  const bytes = Buffer.byteLength(text);
  if (bytes > MAX_USER_DATA_BYTES)
    throw userError(
      'USER_DATA',
      `user data is ${bytes} bytes; EC2 takes ${MAX_USER_DATA_BYTES}.`,
      'authorize fewer keys, or ed25519 keys, which are short',
    );
  return text;
}
