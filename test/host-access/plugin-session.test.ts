import { type ChildProcessByStdio, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { proxyCommand } from '../../src/host-access/proxy-command.ts';
import { shellCommand } from '../../src/host-access/shell-command.ts';
import { projectFolder } from '../../src/io/paths.ts';
import { tempFolder } from '../support/temp-folder.ts';

const PROGRAM = join(projectFolder(), 'src', 'host-access', 'session-proxy.ts');

/** Shows how it was called, and then what it is given, as the real one carries it. */
const PLUGIN = `#!/bin/sh
printf '%s\\n' "$@" >"$FOLDER/arguments"
printf '%s' "$AWS_SSM_START_SESSION_RESPONSE" >"$FOLDER/response"
env | grep ^AWS_ | sort >"$FOLDER/environment"
exec cat
`;

let folder = '';
let server: Server;
let asked: { readonly action: string; readonly body: unknown }[] = [];
let answers: Record<string, [status: number, body: object]> = {};

beforeEach(async () => {
  folder = tempFolder();
  asked = [];
  answers = {
    StartSession: [200, { SessionId: 's-1', TokenValue: 'very-secret', StreamUrl: 'wss://stream' }],
    TerminateSession: [200, { SessionId: 's-1' }],
  };
  await mkdir(join(folder, 'session-manager', 'bin'), { recursive: true });
  const plugin = join(folder, 'session-manager', 'bin', 'session-manager-plugin');
  await writeFile(plugin, PLUGIN);
  await chmod(plugin, 0o755);
  server = createServer(async (request, response) => {
    // It hands out no keys, as a lab of this project would.
    if (request.method !== 'POST') return void response.writeHead(404).end();
    const chunks = await request.toArray();
    const action = String(request.headers['x-amz-target']).split('.')[1] ?? '';
    asked.push({ action, body: JSON.parse(Buffer.concat(chunks).toString('utf8')) });
    const [status, body] = answers[action] ?? [500, {}];
    response.writeHead(status, { 'content-type': 'application/x-amz-json-1.1' }).end(JSON.stringify(body));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
});
afterEach(() => {
  server.close();
  server.closeAllConnections();
});

function endpoint(): string {
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

type Proxy = ChildProcessByStdio<Writable, Readable, Readable>;

function start(): Proxy {
  const options = ['--region', 'us-east-2', '--instance', 'i-1', '--port', '22', '--endpoint', endpoint()];
  return spawn(process.execPath, [PROGRAM, ...options], {
    stdio: ['pipe', 'pipe', 'pipe'],
    env: {
      ...process.env,
      FOLDER: folder,
      ECS_HOST_CACHE: folder,
      AWS_ACCESS_KEY_ID: 'AKIDREAL',
      AWS_SECRET_ACCESS_KEY: 'real',
      AWS_SESSION_TOKEN: 'real',
    },
  });
}

function file(name: string): Promise<string> {
  return readFile(join(folder, name), 'utf8');
}

test('a session is started, carried by the plugin with its six arguments, and terminated at the end', async () => {
  const proxy = start();
  proxy.stdin.end('hello');
  expect((await proxy.stdout.toArray()).join('')).toBe('hello');
  const [code] = await once(proxy, 'exit');
  expect(code).toBe(0);
  const input = { Target: 'i-1', DocumentName: 'AWS-StartSSHSession', Parameters: { portNumber: ['22'] } };
  expect(asked).toEqual([
    { action: 'StartSession', body: input },
    { action: 'TerminateSession', body: { SessionId: 's-1' } },
  ]);
  expect((await file('arguments')).split('\n').slice(0, -1)).toEqual([
    'AWS_SSM_START_SESSION_RESPONSE',
    'us-east-2',
    'StartSession',
    '',
    JSON.stringify(input),
    endpoint(),
  ]);
  expect(JSON.parse(await file('response'))).toEqual({
    SessionId: 's-1',
    TokenValue: 'very-secret',
    StreamUrl: 'wss://stream',
  });
});

test('a lab is handed none of the credentials of the user', async () => {
  const proxy = start();
  proxy.stdin.end();
  await once(proxy, 'exit');
  const environment = await file('environment');
  expect(environment).toContain('AWS_ACCESS_KEY_ID=lab');
  expect(environment).not.toMatch(/real/i);
});

test('a signal, as ssh gives one when it ends, ends the plugin and the session', async () => {
  const proxy = start();
  proxy.stdin.write('x');
  await once(proxy.stdout, 'data');
  proxy.kill('SIGHUP');
  const [code] = await once(proxy, 'exit');
  expect(code).toBe(129);
  expect(asked.map(({ action }) => action)).toEqual(['StartSession', 'TerminateSession']);
});

test('an instance whose agent is not there is no bug: ssh shows the reason, and may try again', async () => {
  answers['StartSession'] = [400, { __type: 'TargetNotConnected', message: 'i-1 is not connected.' }];
  const proxy = start();
  expect((await proxy.stderr.toArray()).join('')).toBe(
    'ecs-host: No session to i-1: TargetNotConnected: i-1 is not connected.\n',
  );
  expect(asked.map(({ action }) => action)).toEqual(['StartSession']);
});

test('the command survives the shell and the per cent signs of ssh', async () => {
  const target = { instanceId: 'i-1', apiRegion: 'us-east-2', endpointUrl: "http://h/it's %h" };
  const command = proxyCommand(target).replaceAll('%p', '22').replaceAll('%%', '%');
  const { stdout } = await promisify(execFile)('sh', ['-c', `printf '%s\\n' ${command}`]);
  expect(stdout.trimEnd().split('\n')).toEqual([
    process.execPath,
    PROGRAM,
    '--region',
    'us-east-2',
    '--instance',
    'i-1',
    '--endpoint',
    "http://h/it's %h",
    '--port',
    '22',
  ]);
});

test('a person gets to an instance by the same way', () => {
  const target = { instanceId: 'i-1', address: '10.0.0.9', user: 'admin', keyFile: '/k/id', apiRegion: 'us-east-2' };
  expect(shellCommand({ ...target, transport: 'ssh', endpointUrl: null })).toMatch(
    /^ssh -i \/k\/id .*admin@10\.0\.0\.9$/,
  );
  expect(shellCommand({ ...target, transport: 'session-manager', endpointUrl: null })).toMatch(
    /^ssh -i \/k\/id .*'ProxyCommand=.*session-proxy.ts.* admin@i-1$/,
  );
});
