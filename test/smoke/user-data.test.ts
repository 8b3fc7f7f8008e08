import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import type { HostConfig } from '#contracts/host-service.ts';
import { MAX_USER_DATA_BYTES, renderUserData } from '../../src/smoke/user-data.ts';

const host: HostConfig = {
  version: 1,
  webserverUrl: 'https://127.0.0.1:8443',
  webserverCa: '-----BEGIN CERTIFICATE-----\nMIIB "quoted": yes\n-----END CERTIFICATE-----\n',
  drainSeconds: 60,
  environment: 'smoke',
};

describe('renderUserData', () => {
  test('writes both files and runs nothing', () => {
    const text = renderUserData({
      host,
      ecs: { ECS_CLUSTER: 'ecs-host-smoke-r-1', ECS_BACKEND_HOST: 'http://10.0.0.1:8080' },
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
    const large = { ...host, webserverCa: 'x'.repeat(MAX_USER_DATA_BYTES) };
    expect(() => renderUserData({ host: large, ecs: {} })).toThrow(/EC2 takes 16384/);
  });

  test.each(['two words', 'a\nB=1', '$(reboot)', '"q"'])(
    'refuses %j in ecs.config, where it would need quoting',
    (value) => {
      expect(() => renderUserData({ host, ecs: { ECS_CLUSTER: value } })).toThrow(/needs quoting/);
    },
  );
});
