import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { projectFolder } from '../../src/io/paths.ts';
import { runCli } from '../support/run-cli.ts';
import { tempFolder } from '../support/temp-folder.ts';

const USER_DATA = ['user-data', '--cluster', 'c', '--webserver-url', 'https://w'];

test('check takes the file that the project ships, and shows its warnings', async () => {
  const { exitCode, stdout } = await runCli(['check']);
  expect(exitCode).toBe(0);
  expect(stdout).toContain('warning: hosts.yaml:');
  expect(stdout).toContain('hosts.yaml has no mistakes');
});

test('check --json is one document, also for a file with mistakes', async () => {
  const folder = tempFolder();
  const bad = join(folder, 'bad.yaml');
  await writeFile(bad, 'version: 1\nprofile: {}\n');
  const [good, refused] = await Promise.all([
    runCli(['check', '--json', '--config', join(projectFolder(), 'hosts.yaml')]),
    runCli(['check', '--json', '--config', bad]),
  ]);
  expect(JSON.parse(good.stdout)).toMatchObject({ ok: true, regions: expect.arrayContaining(['local']) });
  expect(refused.exitCode).toBe(2);
  expect(JSON.parse(refused.stdout)).toMatchObject({ type: 'error', code: 'CONFIG_INVALID' });
});

test('check --profile shows a profile whole, and where each value comes from', async () => {
  const [shown, json, unknown] = await Promise.all([
    runCli(['check', '--profile', 'g6-noble']),
    runCli(['check', '--profile', 'g6-noble', '--json']),
    runCli(['check', '--profile', 'g6-nobel']),
  ]);
  for (const line of [
    '    codename: noble',
    '    distribution: ubuntu # g3s-focal',
    '    kernelModule: open # g4dn-jammy',
    '  docker: # g3s-focal',
  ])
    expect(shown.stdout.split('\n')).toContain(line);
  expect(JSON.parse(json.stdout)).toMatchObject({
    ok: true,
    profile: { instanceType: 'g6.xlarge', docker: { source: 'docker-ce' } },
  });
  expect(unknown).toMatchObject({ exitCode: 2, stderr: expect.stringContaining('did you mean g6-noble?') });
});

test('check starts nothing and writes nothing', async () => {
  const folder = tempFolder();
  const home = join(folder, 'none');
  expect((await runCli(['check'], { env: { HOME: home, ECS_HOST_STATE: home, PATH: '' } })).exitCode).toBe(0);
});

test('user-data --json has the text, and base64 as a launch template takes it', async () => {
  const [plain, json] = await Promise.all([runCli(USER_DATA), runCli([...USER_DATA, '--json'])]);
  const document = JSON.parse(json.stdout);
  expect(document.userData).toBe(plain.stdout);
  expect(Buffer.from(document.userDataBase64, 'base64').toString()).toBe(plain.stdout);
});

test.each([
  [[], '"powerOffSeconds": 3600', '"rebalance": "tell"'],
  [['--power-off-seconds', '60', '--rebalance', 'drain'], '"powerOffSeconds": 60', '"rebalance": "drain"'],
  [['--power-off-seconds', 'never'], '"powerOffSeconds": null', '"rebalance": "tell"'],
])('user-data %j says when the host powers itself off, and what a recommendation does', async (args, ...lines) => {
  const { stdout } = await runCli([...USER_DATA, ...args]);
  for (const line of lines) expect(stdout).toContain(line);
});

test.each(['soon', '1e3', '-5', '604801'])('user-data refuses %j as a time', async (time) => {
  const { exitCode, stderr } = await runCli([...USER_DATA, `--power-off-seconds=${time}`]);
  expect(exitCode).toBe(2);
  expect(stderr).toContain('powerOffSeconds: is not null (never), or a whole number from 0 to 604800');
});

test('user-data takes each setting of the agent once', async () => {
  const { exitCode, stderr } = await runCli([...USER_DATA, '--ecs', 'ECS_A=1', '--ecs', 'ECS_A=2']);
  expect(exitCode).toBe(2);
  expect(stderr).toContain('--ecs gives ECS_A twice.');
});

test('dev hosts are asked for from any folder: where it has no hosts.yaml, that of the checkout is meant', async () => {
  const folder = tempFolder();
  const env = { ECS_HOST_STATE: folder };
  const { exitCode, stdout, stderr } = await runCli(['dev-host', 'list', '--json'], { cwd: folder, env });
  expect(exitCode, stderr).toBe(0);
  expect(JSON.parse(stdout)).toEqual([]);
  const named = await runCli(['dev-host', 'list', '--config', 'hosts.yaml'], { cwd: folder, env });
  expect(named.exitCode).toBe(2);
});

test.each([
  ['smoke', 'nonsense'],
  ['image', 'show', 'ami-/../x'],
  ['image', 'delete', 'i-0aa', '--yes'],
  ['image', 'sbom', 'ami'],
  ['image', 'diff', 'snap-0aa'],
  ['image', 'vulnerabilities', 'x'],
  ['image', 'verify', '../x'],
])('%s %s: an id that cannot be one is a mistake before anything starts', async (...typed) => {
  const { exitCode, stderr } = await runCli(typed);
  expect(exitCode).toBe(2);
  expect(stderr).toMatch(/^ecs-host: ".*" is no image id\.\n/);
});

test('image delete asks, and nobody can answer a pipe', async () => {
  const { exitCode, stderr } = await runCli(['image', 'delete', 'ami-0aa']);
  expect(exitCode).toBe(2);
  expect(stderr).toContain('give --yes');
});

test('a damaged record is a mistake with its path', async () => {
  const folder = tempFolder();
  await mkdir(join(folder, 'images'));
  await writeFile(join(folder, 'images', 'ami-0aa.json'), '{"recordVersion":2');
  const { exitCode, stderr } = await runCli(['image', 'show', 'ami-0aa'], { env: { ECS_HOST_STATE: folder } });
  expect(exitCode).toBe(2);
  expect(stderr).toContain(`${folder}/images/ami-0aa.json cannot be used: it is not JSON.`);
});

test.each([
  [['--port', '70000'], '--port takes a whole number from 0 to 65535.'],
  [['--port', '1.5'], '--port takes a whole number from 0 to 65535.'],
  [['--terminate-after', '-1'], '--terminate-after takes a whole number'],
  [['--address', 'example.com'], '"example.com" is no IP address.'],
  [['--cert', 'a.pem'], '--cert and --key belong together.'],
  [['--confirm', 'none', '--confirm', 'ec2'], '--confirm none is nothing together with another one.'],
])('webserver %j is a mistake before a lab is started', async (options, reason) => {
  const folder = tempFolder();
  const { exitCode, stderr } = await runCli(['webserver', ...options], { env: { ECS_HOST_STATE: folder } });
  expect(exitCode).toBe(2);
  expect(stderr).toContain(`ecs-host: ${reason}`);
  expect(stderr).not.toContain('lab');
});

test.each(['hosts', 'orders'])('webserver %s: without one that runs there is nothing to ask', async (verb) => {
  const folder = tempFolder();
  const { exitCode, stderr } = await runCli(['webserver', verb], { env: { ECS_HOST_STATE: folder } });
  expect(exitCode).toBe(2);
  expect(stderr).toContain('No webserver runs here.');
});

test('a plan that fails leaves no run folder behind', async () => {
  const folder = tempFolder();
  const env = { ECS_HOST_STATE: folder, AWS_ENDPOINT_URL: 'http://127.0.0.1:9' };
  const { exitCode } = await runCli(['plan', '--region', 'us-east-2', '--out', join(folder, 'out')], { env });
  expect(exitCode).toBeGreaterThan(1);
  expect(await readdir(join(folder, 'runs')).catch(() => [])).toEqual([]);
});

test.each([
  ['not a url', 'AWS_ENDPOINT_URL is "not a url", which is no URL of an API.'],
  ['http://127.0.0.1:9', 'The API at 127.0.0.1:9 cannot be reached: nothing listens there (ECONNREFUSED).'],
  ['http://nothing.invalid', 'The API at nothing.invalid cannot be reached: its name'],
])('AWS_ENDPOINT_URL=%s is exit code 2 with what is wrong', async (url, reason) => {
  const env = { ECS_HOST_STATE: tempFolder(), AWS_ENDPOINT_URL: url };
  const { exitCode, stderr } = await runCli(['image', 'list', '--region', 'us-east-2'], { env });
  expect(stderr).toContain(`ecs-host: ${reason}`);
  expect(exitCode).toBe(2);
});
