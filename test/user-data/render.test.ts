import { rootCertificates } from 'node:tls';
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
  powerOffSeconds: 3600,
  rebalance: 'tell',
};

/** The rule of ecs-init (`getEnvVars`): lines without the blanks around them, and all behind the first `=`. */
function asEcsInit(text: string): Record<string, string> {
  return Object.fromEntries(
    text
      .trim()
      .split('\n')
      .map((line) => {
        const [name = '', ...rest] = line.trim().split('=');
        return [name, rest.join('=')];
      }),
  );
}

/** The rules of systemd's EnvironmentFile that matter here: quotes in front, backslashes, and blanks around a value. */
function asSystemd(text: string): Record<string, string> {
  return Object.fromEntries(
    text
      .trimEnd()
      .split('\n')
      .map((line) => {
        const [, name = '', value = ''] = /^\s*([^=]+)=(.*)$/.exec(line) ?? [];
        const quoted = /^\s*(["'])(.*?)\1/.exec(value);
        return [name, quoted?.[2] ?? value.replaceAll(/\\(.)/g, '$1').replaceAll(/^[ \t\r]+|[ \t\r]+$/g, '')];
      }),
  );
}

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

  const ecsConfig = (value: string): string => {
    const config = parse(renderUserData({ cluster: 'c', host, ecs: { ECS_X: value } })) as {
      write_files: { content: string }[];
    };
    return config.write_files[1]?.content ?? '';
  };

  const INTACT = [
    '["json-file"]',
    '{"gpu":"m60"}',
    '{"team":"a b","cost":"$(reboot)"}',
    'two words',
    '$(reboot)',
    'a "q" b',
    "it's",
    '`id`',
    '$HOME',
    '#no comment',
    ';none either',
    'a=b',
    'ö',
    '',
  ];

  test.each(INTACT)('ecs-init reads %j as it is', (value) => {
    expect(asEcsInit(ecsConfig(value))).toEqual({ ECS_CLUSTER: 'c', ECS_X: value });
  });

  test.each(INTACT)('systemd reads %j as it is', (value) => {
    expect(asSystemd(ecsConfig(value))).toEqual({ ECS_CLUSTER: 'c', ECS_X: value });
  });

  test.each([
    ['a backslash', 'a\\b', /backslash/],
    ['a backslash at the end', 'a\\', /backslash/],
    ['a quote in front', '"q"', /begins with a quote/],
    ['a single quote in front', "'q", /begins with a quote/],
    ['a blank in front', ' a', /blank/],
    ['a blank at the end', 'a ', /blank/],
    ['a blank of another kind', 'a\u00a0', /blank/],
    ['a tab', 'a\tb', /control character/],
    ['a line end', 'a\nB=1', /control character/],
    ['a carriage return', 'a\r', /control character/],
    ['a control character of the second set', 'a\u0085', /control character/],
    ['half a character', 'a\ud800', /half a character/],
  ])('%s is refused, with the reason', (_, value, reason) => {
    expect(() => ecsConfig(value)).toThrow(
      expect.objectContaining({
        details: [expect.objectContaining({ key: 'ECS_X', reason: expect.stringMatching(reason) })],
      }),
    );
  });

  test.each(['', ']]>', 'a"b$(id)', 'ünï', 'a b', 'x'.repeat(256)])('%j is no cluster', (cluster) => {
    expect(() => renderUserData({ cluster, host })).toThrow(
      expect.objectContaining({ details: [expect.objectContaining({ key: 'cluster' })] }),
    );
  });

  test.each(['a', 'A_b-9', 'x'.repeat(255)])('%j is a cluster', (cluster) => {
    expect(renderUserData({ cluster, host })).toContain(`ECS_CLUSTER=${cluster}`);
  });

  test.each([
    'https://w"',
    `https://\${jndi}`,
    'https://w:0',
    'https://a..b',
    'https://-a',
    'https://a/path',
    'https://u@a',
    'https://[::g]',
  ])('%j is no webserver', (webserverUrl) => {
    expect(() => renderUserData({ cluster: 'c', host: { ...host, webserverUrl } })).toThrow(
      expect.objectContaining({ details: [expect.objectContaining({ key: 'webserverUrl' })] }),
    );
  });

  test.each(['https://web.example.com:8443', 'https://10.0.0.7', 'https://[fd00::1]:8443/', 'https://web.'])(
    '%j is a webserver',
    (webserverUrl) => {
      expect(() => renderUserData({ cluster: 'c', host: { ...host, webserverUrl } })).not.toThrow();
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
