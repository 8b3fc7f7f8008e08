import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { renderDevUserData } from '../../src/dev-host/user-data.ts';
import { projectFolder } from '../../src/io/paths.ts';
import { MAX_USER_DATA_BYTES } from '../../src/user-data/render.ts';

const WATCH = join(projectFolder(), 'src/dev-host/watch');
const KEY = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGYBJ0KDCCqJDGzTKMc6VYg1aWPwhu2QZHPKJpyGEqxk someone: #1';
const given = { expires: '2026-11-26T22:00:00Z', idleMinutes: 60, authorizedKeys: [`${KEY}\n`] };

type Config = {
  readonly ssh_authorized_keys: readonly string[];
  readonly write_files: readonly { readonly path: string; readonly content: string; readonly permissions: string }[];
  readonly runcmd: readonly (readonly string[])[];
};

test('lets the keys in, and carries the watch as it is, with what it goes by', async () => {
  const text = renderDevUserData(given);
  expect(text.startsWith('#cloud-config\n')).toBe(true);
  const config = parse(text) as Config;
  expect(config.ssh_authorized_keys).toEqual([KEY]);
  const files = new Map(config.write_files.map((file) => [file.path, file]));
  expect(files.get('/var/lib/ecs-host-dev/expires')?.content).toBe('2026-11-26T22:00:00Z\n');
  expect(files.get('/var/lib/ecs-host-dev/idle-minutes')?.content).toBe('60\n');
  for (const [path, permissions] of [
    ['/usr/local/sbin/ecs-host-dev-watch', '0755'],
    ['/etc/systemd/system/ecs-host-dev-watch.service', '0644'],
    ['/etc/systemd/system/ecs-host-dev-watch.timer', '0644'],
  ] as const) {
    const content = await readFile(join(WATCH, path.slice(path.lastIndexOf('/') + 1)), 'utf8');
    expect(files.get(path)).toMatchObject({ content, permissions });
  }
  expect(files.get('/etc/ssh/sshd_config.d/00-ecs-host-dev.conf')?.content).toContain('ClientAliveInterval 30');
  expect(config.runcmd.at(-1)).toEqual(['systemctl', 'enable', '--now', 'ecs-host-dev-watch.timer']);
});

test('leaves room for twenty keys, and refuses what EC2 would', () => {
  const text = renderDevUserData({ ...given, authorizedKeys: Array.from({ length: 20 }, () => KEY) });
  expect(Buffer.byteLength(text)).toBeLessThan(MAX_USER_DATA_BYTES);
  const many = Array.from({ length: 200 }, () => KEY);
  expect(() => renderDevUserData({ ...given, authorizedKeys: many })).toThrow(
    expect.objectContaining({ code: 'USER_DATA' }),
  );
});
