import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { parseEnvironmentFile } from '../../../lab/ecs-agent/environment.ts';
import { readSettings, SettingsError } from '../../../lab/ecs-agent/settings.ts';
import { projectFolder } from '../../../src/io/paths.ts';
import { renderEcsConfig } from '../../../src/user-data/ecs-config.ts';

/**
 * Facts of amazon-ecs-init 1.105.1 for Debian (packaging/generic-deb-integrated/debian, and debian/rules, which neither
 * enables nor starts any of them). An image is proven in the lab with the stand-in's package and served with Amazon's:
 * where the two differ, a proof is worth nothing.
 */
const UNITS: Readonly<Record<string, readonly string[]>> = {
  'ecs.service': [
    '[Unit] Documentation=https://aws.amazon.com/documentation/ecs/',
    '[Unit] Wants=docker.service',
    '[Unit] PartOf=docker.service',
    '[Unit] After=docker.service',
    '[Service] Type=simple',
    '[Service] Restart=on-failure',
    '[Service] RestartSec=10s',
    '[Service] EnvironmentFile=-/var/lib/ecs/ecs.config',
    '[Service] EnvironmentFile=-/etc/ecs/ecs.config',
    '[Service] ExecStartPre=/usr/libexec/amazon-ecs-init pre-start',
    '[Service] ExecStart=/usr/libexec/amazon-ecs-init start',
    '[Service] ExecStop=/usr/libexec/amazon-ecs-init stop',
    '[Service] ExecStopPost=/usr/libexec/amazon-ecs-init post-stop',
    '[Install] WantedBy=multi-user.target',
  ],
  'amazon-ecs-volume-plugin.service': [
    '[Unit] After=network.target amazon-ecs-volume-plugin.socket',
    '[Unit] Requires=amazon-ecs-volume-plugin.socket',
    '[Service] Type=simple',
    '[Service] Restart=on-failure',
    '[Service] RestartSec=10s',
    '[Service] ExecStart=/usr/libexec/amazon-ecs-volume-plugin',
    '[Install] WantedBy=multi-user.target',
  ],
  'amazon-ecs-volume-plugin.socket': [
    '[Unit] PartOf=amazon-ecs-volume-plugin.service',
    '[Socket] ListenStream=/var/run/docker/plugins/amazon-ecs-volume-plugin.sock',
    '[Install] WantedBy=sockets.target',
  ],
};

const PACKAGE = join(projectFolder(), 'lab', 'ecs-agent', 'package');

/** `[Section] Key=value` for each directive, without the comments and what a person reads. */
function directives(text: string): string[] {
  let section = '';
  return text.split('\n').flatMap((line) => {
    if (line.startsWith('[')) section = line;
    return /^[A-Z]/.test(line) && !line.startsWith('Description=') ? [`${section} ${line}`] : [];
  });
}

test.each(Object.entries(UNITS))("the stand-in's %s says what Amazon's does, in its order", async (unit, facts) => {
  expect(directives(await readFile(join(PACKAGE, 'lib/systemd/system', unit), 'utf8'))).toEqual(facts);
});

test('the stand-in has no script that enables or starts anything, as the real package has none', async () => {
  const control = await readFile(join(PACKAGE, 'DEBIAN', 'control'), 'utf8');
  expect(control).toContain('Provides: amazon-ecs-init\n');
  for (const script of ['postinst', 'preinst', 'prerm', 'postrm'])
    await expect(readFile(join(PACKAGE, 'DEBIAN', script))).rejects.toThrow('ENOENT');
});

test("an action that ecs-init does not know is a usage error, and its own end is nobody's", async () => {
  const run = promisify(execFile);
  const program = join(PACKAGE, 'usr/libexec/amazon-ecs-init');
  await expect(run(program, ['fly'])).rejects.toMatchObject({ code: 1 });
  await expect(run(program, ['post-stop'])).resolves.toBeDefined();
  await expect(run(program, ['stop'], { env: {} })).resolves.toBeDefined();
});

describe('an environment file', () => {
  test('is read as ecs-init reads it: nothing is unquoted, and nothing is a comment', () => {
    const text = '\n A=1 \nB="x"\nC={"a": "b=c"}\n# D=2\nnothing\nE=\nF=a\\nb # no comment\r\n\n';
    expect(parseEnvironmentFile(text)).toEqual({
      A: '1',
      B: '"x"',
      C: '{"a": "b=c"}',
      '# D': '2',
      E: '',
      F: 'a\\nb # no comment',
    });
  });

  test('that user data wrote brings every JSON value to the agent', () => {
    const values = {
      ECS_INSTANCE_ATTRIBUTES: '{"stack":"prod","note":"a = b # c"}',
      ECS_AVAILABLE_LOGGING_DRIVERS: '["json-file", "awslogs"]',
    };
    const read = parseEnvironmentFile(renderEcsConfig('streaming', values));
    expect(read).toEqual({ ECS_CLUSTER: 'streaming', ...values });
    expect(readSettings(read, () => undefined)).toMatchObject({
      cluster: 'streaming',
      instanceAttributes: { stack: 'prod', note: 'a = b # c' },
      loggingDrivers: ['json-file', 'awslogs'],
    });
  });

  test('whose JSON was written with quotes around it makes no agent', () => {
    const read = parseEnvironmentFile('ECS_INSTANCE_ATTRIBUTES="{\\"stack\\":\\"prod\\"}"');
    expect(() => readSettings(read, () => undefined)).toThrow(SettingsError);
  });

  test('with numbers and lists that cannot be read is warned of', () => {
    const said: string[] = [];
    const env = {
      ECS_RESERVED_MEMORY: 'much',
      ECS_AVAILABLE_LOGGING_DRIVERS: 'x',
      ECS_VOLUME_PLUGIN_CAPABILITIES: '[]',
    };
    const settings = readSettings(env, (text) => said.push(text));
    expect(settings).toMatchObject({
      reservedMemoryMiB: 0,
      loggingDrivers: ['json-file', 'none'],
      volumeCapabilities: [],
    });
    expect(said).toHaveLength(2);
  });
});
