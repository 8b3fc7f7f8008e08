import { execFile } from 'node:child_process';
import { createServer, type Server } from 'node:http';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { imageConfig } from '../../../lab/parts/amazon-ecs-init/agent-image.ts';
import { amazonEcsInit, CONTROL, FOLDERS } from '../../../lab/parts/amazon-ecs-init/amazon-ecs-init.ts';
import { containerOf, type HostFacts, logConfigOf } from '../../../lab/parts/amazon-ecs-init/init/container.ts';
import { DockerClient, dockerSocket } from '../../../lab/parts/amazon-ecs-init/init/docker-client.ts';
import { parseGpuInfo } from '../../../lab/parts/amazon-ecs-init/init/gpu.ts';
import { osFamilyOf, refuseUntaught } from '../../../lab/parts/amazon-ecs-init/init/host.ts';
import { rulesOf } from '../../../lab/parts/amazon-ecs-init/init/routes.ts';
import { supervise, TerminalError } from '../../../lab/parts/amazon-ecs-init/init/supervise.ts';
import { projectFolder } from '../../../src/io/paths.ts';
import { tempFolder } from '../../support/temp-folder.ts';

vi.mock('../../../lab/parts/amazon-ecs-init/init/log.ts', () => ({ log: () => undefined }));

/** Of packaging/generic-deb-integrated/debian in amazon-ecs-init 1.105.1: control and dirs. */
test('the package has the name, the dependencies and the folders of the real one', () => {
  expect(CONTROL).toMatchObject({
    Package: 'amazon-ecs-init',
    Version: '1.105.1-1',
    Architecture: 'amd64',
    Depends: 'systemd, docker-ce (>= 17.12.0) | docker-engine (>= 1.6.0) | docker-ee | docker.io',
    Section: 'misc',
  });
  expect(FOLDERS).toEqual(['etc/ecs', 'var/log/ecs', 'var/lib/ecs/data', 'var/cache/ecs', 'usr/libexec']);
});

test('the part says that the agent is none of Amazon, and its digest is that of its sources', async () => {
  expect(amazonEcsInit).toMatchObject({ name: 'amazon-ecs-init', substitution: { component: 'ecs-agent' } });
  expect(await amazonEcsInit.digest()).toBe(await amazonEcsInit.digest());
});

const THERE = ['/etc/ssl', '/etc/ssl/certs', '/mnt/ecs/ebs', '/usr/bin/nsenter', '/sbin/modinfo', '/usr/sbin/modinfo'];
const HOST: HostFacts = {
  files: { ECS_CLUSTER: 'streaming', ECS_VOLUME_PLUGIN_CAPABILITIES: '[]' },
  process: {},
  osFamily: 'ubuntu_20.04',
  hasGpu: false,
  exists: (path) => THERE.includes(path),
};

type Made = { Env: string[]; Labels?: object; HostConfig: { Binds: string[] } & Record<string, unknown> };
function made(facts: Partial<HostFacts> = {}): Made {
  return containerOf({ ...HOST, ...facts }) as unknown as Made;
}

/** Of ecs-init/docker/docker.go and docker_config.go in 1.105.1, built for Debian. */
describe("the agent's container", () => {
  test('has the environment of ecs-init, and what the files say over it', () => {
    expect(made().Env).toEqual([
      'CREDENTIALS_FETCHER_HOST_DIR=/var/credentials-fetcher/socket/credentials_fetcher.sock',
      'ECS_AGENT_CONFIG_FILE_PATH=/etc/ecs/ecs.config.json',
      'ECS_AGENT_LABELS=',
      'ECS_AVAILABLE_LOGGING_DRIVERS=["json-file","syslog","awslogs","fluentd","none"]',
      'ECS_CLUSTER=streaming',
      'ECS_DATADIR=/data',
      'ECS_DETAILED_OS_FAMILY=ubuntu_20.04',
      'ECS_EBSTA_SUPPORTED=true',
      'ECS_ENABLE_AWSLOGS_EXECUTIONROLE_OVERRIDE=true',
      'ECS_ENABLE_TASK_ENI=true',
      'ECS_ENABLE_TASK_IAM_ROLE=true',
      'ECS_ENABLE_TASK_IAM_ROLE_NETWORK_HOST=true',
      'ECS_LOGFILE=/log/ecs-agent.log',
      'ECS_UPDATES_ENABLED=true',
      'ECS_UPDATE_DOWNLOAD_DIR=/var/cache/ecs',
      'ECS_VOLUME_PLUGIN_CAPABILITIES=[]',
      'SSL_CERT_DIR=/etc/ssl/certs',
    ]);
  });

  test('has these folders of the host, in this order', () => {
    expect(made().HostConfig.Binds).toEqual([
      '/var/run:/var/run',
      '/var/log/ecs:/log',
      '/var/lib/ecs/data:/data',
      '/etc/ecs:/etc/ecs',
      '/var/cache/ecs:/var/cache/ecs',
      '/sys/fs/cgroup:/sys/fs/cgroup',
      '/var/lib/ecs:/var/lib/ecs',
      '/var/log/ecs/exec:/log/exec',
      '/etc/ssl:/etc/ssl:ro',
      '/run/docker/plugins:/run/docker/plugins:ro',
      '/etc/docker/plugins:/etc/docker/plugins:ro',
      '/usr/lib/docker/plugins:/usr/lib/docker/plugins:ro',
      '/proc:/host/proc:ro',
      '/usr/lib:/usr/lib:ro',
      '/lib:/lib:ro',
      '/usr/lib64:/usr/lib64:ro',
      '/lib64:/lib64:ro',
      '/sbin:/host/sbin:ro',
      '/etc/alternatives:/etc/alternatives:ro',
      '/usr/sbin:/usr/sbin:ro',
      '/usr/bin/lsblk:/usr/bin/lsblk',
      '/usr/bin/nsenter:/usr/bin/nsenter',
      '/sbin/modinfo:/sbin/modinfo',
    ]);
  });

  test("is in the host's network and user namespace, with two capabilities and an init", () => {
    const { Binds: _binds, ...rest } = made().HostConfig;
    expect(rest).toEqual({
      LogConfig: { Type: 'json-file', Config: { 'max-size': '16m', 'max-file': '4' } },
      NetworkMode: 'host',
      UsernsMode: 'host',
      CapAdd: ['NET_ADMIN', 'SYS_ADMIN'],
      Init: true,
    });
  });

  test('has the folder with the file about GPUs, but neither device nor runtime of them', () => {
    const files = { ECS_ENABLE_GPU_SUPPORT: 'true' };
    const { HostConfig, Env } = made({ files, hasGpu: true });
    expect(HostConfig.Binds).toContain('/var/lib/ecs/gpu:/var/lib/ecs/gpu');
    expect(HostConfig).not.toHaveProperty('Runtime');
    expect(HostConfig).not.toHaveProperty('DeviceRequests');
    expect(Env).toContain('ECS_ENABLE_GPU_SUPPORT=true');
    expect(made({ files }).HostConfig.Binds).not.toContain('/var/lib/ecs/gpu:/var/lib/ecs/gpu');
  });

  test('follows DOCKER_HOST, labels, privileges, and a missing folder for EBS', () => {
    const process = {
      DOCKER_HOST: 'unix:///run/d.sock',
      ECS_AGENT_RUN_PRIVILEGED: 'true',
      ECS_AGENT_PID_NAMESPACE_HOST: '1',
    };
    const { HostConfig, Env, Labels } = made({
      process,
      files: { ECS_AGENT_LABELS: '{"a":"b"}' },
      exists: () => false,
    });
    expect(HostConfig).toMatchObject({ Privileged: true, PidMode: 'host' });
    expect(HostConfig.Binds[0]).toBe('/run/d.sock:/var/run/docker.sock');
    expect(Labels).toEqual({ a: 'b' });
    expect(Env).toContain('ECS_EBSTA_SUPPORTED=false');
    expect(Env.join()).not.toContain('SSL_CERT_DIR');
  });

  test.each([
    [{ ECS_LOG_DRIVER: 'journald' }, { Type: 'journald', Config: {} }],
    [
      { ECS_LOG_DRIVER: 'x', ECS_LOG_OPTS: '{"a":"b"}' },
      { Type: 'json-file', Config: { 'max-size': '16m', 'max-file': '4' } },
    ],
    [{ ECS_LOG_OPTS: '{"max-size":"1m"}' }, { Type: 'json-file', Config: { 'max-size': '1m' } }],
    [{ ECS_INIT_DOCKER_LOG_FILE_SIZE: '2m' }, { Type: 'json-file', Config: { 'max-size': '2m', 'max-file': '4' } }],
  ])('logs as %j says', (process, expected) => {
    expect(logConfigOf(process)).toEqual(expected);
  });
});

test('the image has the entry point, the health check and the ports of the real one', () => {
  expect(imageConfig('0')).toMatchObject({
    config: {
      Entrypoint: expect.arrayContaining(['/opt/agent/agent.mjs']),
      Healthcheck: { Test: expect.arrayContaining(['CMD', '--healthcheck']) },
      Env: expect.arrayContaining(['SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt']),
      ExposedPorts: { '51678/tcp': {}, '51679/tcp': {} },
    },
    rootfs: { diff_ids: ['sha256:0'] },
  });
});

/** Of ecs-init/exec/iptables/iptables.go. */
test('rules are those of ecs-init, and the bridge is let in before all others are kept out', () => {
  expect(
    rulesOf('docker0', {}).map(
      ({ table, how, rule, alsoIp6 }) => `${table} ${how} ${rule.join(' ')}${alsoIp6 ? ' +6' : ''}`,
    ),
  ).toEqual([
    'nat -A PREROUTING -p tcp -d 169.254.170.2 --dport 80 -j DNAT --to-destination 127.0.0.1:51679',
    'filter -I INPUT --dst 127.0.0.0/8 ! --src 127.0.0.0/8 -m conntrack ! --ctstate RELATED,ESTABLISHED,DNAT -j DROP',
    'filter -I INPUT -p tcp --dport 51678 ! -i lo -j DROP +6',
    'filter -I INPUT -p tcp --dport 51678 -i docker0 -j ACCEPT +6',
    'nat -A OUTPUT -p tcp -d 169.254.170.2 --dport 80 -j REDIRECT --to-ports 51679',
  ]);
  expect(rulesOf(null, {})).toHaveLength(4);
  const open = { ECS_SKIP_LOCALHOST_TRAFFIC_FILTER: 'true', ECS_ALLOW_OFFHOST_INTROSPECTION_ACCESS: 'true' };
  expect(rulesOf('docker0', open)).toHaveLength(2);
});

test('the file about GPUs has the names that the agent reads, and only GPUs that said who they are', () => {
  const said = '580.178.04, GPU-1\n580.178.04, GPU-2\nUnable to determine the device handle\n';
  expect(parseGpuInfo(said)).toEqual({ DriverVersion: '580.178.04', GPUIDs: ['GPU-1', 'GPU-2'] });
  expect(() => parseGpuInfo('No devices were found\n')).toThrow('No devices were found');
});

test('the operating system is told by ID and VERSION_ID', () => {
  expect(osFamilyOf('NAME="Ubuntu"\nID=ubuntu\nVERSION_ID="20.04"\n')).toBe('ubuntu_20.04');
  expect(osFamilyOf('ID=debian\n')).toBe('linux');
});

test('what the stand-in was not taught ends it', () => {
  expect(() => refuseUntaught({ ECS_EXTERNAL: 'true' })).toThrow('ECS_EXTERNAL');
  expect(refuseUntaught({ ECS_EXTERNAL: 'false' })).toBeUndefined();
});

test('an action that ecs-init does not know is a usage error, with Docker or without', async () => {
  const program = join(projectFolder(), 'lab/parts/amazon-ecs-init/init/main.ts');
  const run = promisify(execFile);
  await expect(run(process.execPath, [program, 'fly'])).rejects.toMatchObject({ code: 1 });
  expect((await run(process.execPath, [program, 'version'])).stdout).toContain('1.105.1');
});

describe('ecs-init', () => {
  let server: Server;
  let socket: string;
  let asked: string[];
  /** Exit codes of the agent's next containers. */
  let codes: number[];

  beforeEach(async () => {
    asked = [];
    codes = [];
    socket = join(tempFolder(), 'docker.sock');
    server = createServer((request, response) => {
      const path = (request.url ?? '').replace('/v1.25', '').replace(/\?.*/, '');
      asked.push(`${request.method} ${path}`);
      request.resume();
      const answers: Record<string, [number, string]> = {
        'GET /_ping': [200, 'OK'],
        'GET /containers/json': [200, JSON.stringify([{ Id: 'old', Names: ['/ecs-agent'] }])],
        'DELETE /containers/old': [204, ''],
        'POST /containers/create': [201, '{"Id":"new"}'],
        'POST /containers/new/start': [204, ''],
        'POST /containers/new/wait': [200, `{"StatusCode":${codes[0]}}`],
        'GET /containers/new/logs': [200, '\x01\0\0\0\0\0\0\x03why'],
        'GET /networks': [
          200,
          JSON.stringify([
            {
              Options: {
                'com.docker.network.bridge.default_bridge': 'true',
                'com.docker.network.bridge.name': 'docker0',
              },
            },
          ]),
        ],
      };
      const [status, body] = answers[`${request.method} ${path}`] ?? [500, '{"message":"unexpected"}'];
      if (path.endsWith('/wait')) codes.shift();
      response.writeHead(status).end(body);
    });
    await new Promise<void>((resolve) => server.listen(socket, resolve));
  });
  afterEach(() => {
    server.closeAllConnections();
    server.close();
  });

  test('makes the container anew until the agent ends well', async () => {
    codes = [2, 0];
    await supervise(await DockerClient.connect(socket));
    const once = [
      'GET /containers/json',
      'DELETE /containers/old',
      'POST /containers/create',
      'POST /containers/new/start',
    ];
    const twice = [...once, 'POST /containers/new/wait'];
    expect(asked).toEqual(['GET /_ping', ...twice, 'GET /containers/new/logs', ...twice]);
  });

  test('gives up for good when the agent does', async () => {
    codes = [5];
    await expect(supervise(await DockerClient.connect(socket))).rejects.toThrow(TerminalError);
  });

  test('was not taught to replace its agent, and says so', async () => {
    codes = [42];
    await expect(supervise(await DockerClient.connect(socket))).rejects.toThrow('not taught');
  });

  test("finds the interface of Docker's own bridge, and what Docker refuses is its words", async () => {
    const docker = await DockerClient.connect(socket);
    expect(await docker.bridge()).toBe('docker0');
    await expect(docker.stop('none')).rejects.toThrow('HTTP 500: {"message":"unexpected"}');
    expect(await docker.tail('new', 200)).toBe('why');
  });

  test('asks the socket that DOCKER_HOST names, if it is one', () => {
    expect(dockerSocket('unix:///run/d.sock')).toBe('/run/d.sock');
    expect(dockerSocket('tcp://127.0.0.1:2375')).toBe('/var/run/docker.sock');
  });
});
