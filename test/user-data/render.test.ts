import { rootCertificates } from 'node:tls';
import { execa } from 'execa';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import type { HostConfig } from '#contracts/host-config.ts';
import { MAX_USER_DATA_BYTES, renderUserData } from '../../src/user-data/render.ts';

const host: HostConfig = {
  version: 1,
  webserverUrl: 'https://127.0.0.1:8443',
  webserverCa: `subject "quoted": yes\n${rootCertificates[0]}\n`,
  drainSeconds: 60,
  environment: 'smoke',
};

describe('renderUserData', () => {
  test('writes both files and runs nothing', () => {
    const text = renderUserData({
      cluster: 'ecs-host-smoke-r-1',
      host,
      ecs: { ECS_BACKEND_HOST: 'http://10.0.0.1:8080' },
    });
    expect(text.startsWith('#cloud-config\n')).toBe(true);
    const config = parse(text) as { write_files: { path: string; content: string; permissions: string }[] };
    expect(Object.keys(config)).toEqual(['write_files']);
    const [first, second] = config.write_files;
    expect(first?.path).toBe('/etc/ecs-host/host.json');
    expect(JSON.parse(first?.content ?? '')).toEqual(host);
    expect(second).toMatchObject({
      path: '/etc/ecs/ecs.config',
      permissions: '0644',
      content: 'ECS_CLUSTER=ecs-host-smoke-r-1\nECS_BACKEND_HOST=http://10.0.0.1:8080\n',
    });
  });

  test('refuses what EC2 would refuse', () => {
    const large = { ...host, webserverCa: `${host.webserverCa}${'x'.repeat(MAX_USER_DATA_BYTES)}` };
    expect(() => renderUserData({ cluster: 'c', host: large })).toThrow(/EC2 takes 16384/);
  });

  /** Both readers of the file have to see the value as it is. */
  test.each(['two words', '$(reboot)', '"q"', "it's", 'a\\b', '`id`', '{"team":"a b"}', '$HOME', ' #no comment', 'ö'])(
    'a shell reads %j as it is',
    async (value) => {
      const config = parse(renderUserData({ cluster: 'c', host, ecs: { ECS_X: value } })) as {
        write_files: { content: string }[];
      };
      const { stdout } = await execa(
        'sh',
        ['-c', `set -a; ${config.write_files[1]?.content ?? ''}printf %s "$ECS_X"`],
        {
          stripFinalNewline: false,
        },
      );
      expect(stdout).toBe(value);
    },
  );

  test('names everything that a host would not accept', () => {
    const render = () =>
      renderUserData({
        cluster: 'c',
        host: { ...host, webserverUrl: 'http://plain', environment: 'Two Words' },
        ecs: { ECS_X: 'a\nB=1', 'no name': 'x', ECS_CLUSTER: 'd' },
      });
    expect(render).toThrow(
      expect.objectContaining({
        code: 'USER_DATA',
        details: [
          { key: 'webserverUrl', reason: 'is not https://host[:port] with nothing after it' },
          { key: 'environment', reason: 'is not a name of lower-case letters, digits and dashes' },
          expect.objectContaining({ key: 'ECS_X' }),
          expect.objectContaining({ key: 'no name' }),
          expect.objectContaining({ key: 'ECS_CLUSTER' }),
        ],
      }),
    );
  });
});
