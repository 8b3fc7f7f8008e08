import { CreateTagsCommand, DescribeInstancesCommand } from '@aws-sdk/client-ec2';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createClients } from '../../src/aws/clients.ts';
import type { DevHost } from '../../src/dev-host/dev-host.ts';
import { describeStream } from './dev-host-stream.tests.ts';
import { awsLeftovers, type LabHandle, startLabForTests } from './lab-handle.ts';
import { type Cli, cli, events, start } from './support.ts';

/**
 * Development hosts as their users have them: two users, three hosts, one lab. Each test ends by looking at what is
 * there.
 */
let lab: LabHandle;

beforeAll(async () => {
  lab = await startLabForTests();
});
afterAll(async () => {
  await lab?.down();
});

function as(user: string): Record<string, string> {
  return { ...lab.environment, ECS_HOST_OWNER: user };
}

function devHost(user: string, ...words: readonly string[]): Promise<Cli> {
  return cli(['dev-host', ...words], as(user));
}

/** A line for a shell on the host. */
function onHost(user: string, name: string, line: string): Promise<Cli> {
  return devHost(user, 'exec', name, '--', 'sh', '-c', line);
}

async function listed(user: string, ...words: readonly string[]): Promise<DevHost[]> {
  const { exitCode, stdout, all } = await devHost(user, 'list', '--json', ...words);
  expect(exitCode, all).toBe(0);
  return JSON.parse(stdout) as DevHost[];
}

async function namesOf(user: string): Promise<string[]> {
  return (await listed(user)).map(({ name }) => name);
}

function ec2() {
  return createClients(
    { apiRegion: 'us-west-2', endpointUrl: lab.endpoint },
    { accessKeyId: 'lab', secretAccessKey: 'lab' },
  );
}

/** An image as `ami` leaves it, without the minutes that a smoke test takes: what it proves is tested elsewhere. */
async function imageWithVerdict(): Promise<string> {
  const run = await cli(['bake', '--json'], lab.environment);
  expect(run.exitCode, run.all).toBe(0);
  const imageId = String(events(run).at(-1)?.['imageId']);
  const clients = ec2();
  const Tags = [{ Key: 'ecs-host:verdict', Value: 'passed' }];
  await clients.ec2.send(new CreateTagsCommand({ Resources: [imageId], Tags }));
  clients.destroy();
  return imageId;
}

describe('brought up', () => {
  test('two at once from the base image: ready, with Docker, the repository and a time to stop', async () => {
    const run = await devHost('alice', 'up', 'one', 'two', '--from-base', '--ttl', '2h', '--idle', '30m', '--json');
    expect(run.exitCode, run.all).toBe(0);
    const result = events(run).at(-1) as { type: string; devHosts: DevHost[] };
    expect(result.devHosts.map(({ name }) => name)).toEqual(['one', 'two']);
    for (const host of await listed('alice')) {
      expect(host).toMatchObject({ state: 'running', isReady: true, user: 'alice', idleMinutes: 30, ttlMinutes: 120 });
      expect(Math.abs(Date.parse(host.expires ?? '') - Date.now() - 2 * 3600_000)).toBeLessThan(10 * 60_000);
    }
    const seen = await onHost(
      'alice',
      'one',
      'docker info --format "{{.ServerVersion}}" && ls container-images/base/protocol',
    );
    expect(seen.exitCode, seen.all).toBe(0);
    expect(seen.stdout).toMatch(/^\d+\.\d+/);
    expect(seen.stdout).toContain('Makefile');
  });

  test('one from the newest image with a verdict, by another user, who sees only that one', async () => {
    const imageId = await imageWithVerdict();
    const run = await devHost('bob', 'up', '--plain');
    expect(run.exitCode, run.all).toBe(0);
    expect(run.stdout).toContain(`from ${imageId}`);
    expect(run.stdout).toContain('ecs-host dev-host destroy dev');
    expect(run.stdout).toMatch(/stops {5}\d\d:\d\d UTC|stops {5}\d{4}-/);
    expect(await namesOf('bob')).toEqual(['dev']);
    expect(await namesOf('alice')).toEqual(['one', 'two']);
    expect((await listed('bob', '--all-users')).map(({ user }) => user).sort()).toEqual(['alice', 'alice', 'bob']);
    // What makes a host of an image is gone: the gate, its guard, and the agent.
    const look = await onHost(
      'bob',
      'dev',
      'docker info >/dev/null && systemctl is-active ecs-host ecs ecs-host-guard docker',
    );
    expect(look.stdout.split('\n')).toEqual(['inactive', 'inactive', 'inactive', 'active']);
  });

  test("nobody touches another's, and a name is given once", async () => {
    for (const words of [
      ['stop', 'one'],
      ['extend', 'one'],
      ['destroy', 'one', '--yes'],
    ]) {
      const refused = await devHost('bob', ...words);
      expect(refused.exitCode, refused.all).toBe(2);
      expect(refused.stderr).toContain('There is no dev host one of yours here.');
    }
    const again = await devHost('alice', 'up', 'one');
    expect(again.exitCode, again.all).toBe(2);
    expect(again.stderr).toContain('You have a dev host one here already');
    expect(await namesOf('alice')).toEqual(['one', 'two']);
  });
});

describeStream(() => ({ name: 'one', environment: as('alice') }));

describe('its time', () => {
  test('extend gives more, also on the host, whose own watch stops it', async () => {
    const [before] = await listed('bob');
    const run = await devHost('bob', 'extend', '--by', '90m');
    expect(run.exitCode, run.all).toBe(0);
    const [after] = await listed('bob');
    expect(Date.parse(after?.expires ?? '') - Date.parse(before?.expires ?? '')).toBe(90 * 60_000);
    const told = await devHost('bob', 'exec', '--', 'cat', '/var/lib/ecs-host-dev/expires');
    expect(told.stdout.trim()).toBe(after?.expires);
  });

  test('stop keeps what is on it, and start gives it its whole time again', async () => {
    await onHost('alice', 'two', 'echo kept > note');
    const stopped = await devHost('alice', 'stop', 'two');
    expect(stopped.exitCode, stopped.all).toBe(0);
    expect((await listed('alice')).map(({ state }) => state)).toEqual(['running', 'stopped']);
    const asleep = await onHost('alice', 'two', 'true');
    expect(asleep.exitCode, asleep.all).toBe(2);
    expect(asleep.stderr).toContain('dev-host start two');
    const started = await devHost('alice', 'start', 'two');
    expect(started.exitCode, started.all).toBe(0);
    const seen = await onHost('alice', 'two', 'cat note && docker info >/dev/null && echo docker');
    expect(seen.stdout).toBe('kept\ndocker');
  });
});

describe('killed, interrupted, ended', () => {
  test.each([/launch/, /boot/, /set up/])(
    'a command that is killed at %s leaves what list shows and destroy removes',
    async (at) => {
      const run = start(['dev-host', 'up', 'torn', '--from-base', '--plain'], as('carol'));
      await lab.waitForText(run, at);
      await lab.killTree(run.pid);
      await run;
      const found = await listed('carol');
      for (const host of found) expect(host).toMatchObject({ name: 'torn', isReady: false });
      if (found.length > 0) expect((await devHost('carol', 'destroy', 'torn', '--yes')).exitCode).toBe(0);
      await cli(['sweep'], as('carol'));
      expect(await namesOf('carol')).toEqual([]);
      // The others' are as they were.
      expect(await namesOf('alice')).toEqual(['one', 'two']);
      expect(await namesOf('bob')).toEqual(['dev']);
    },
  );

  test('Ctrl-C releases what was made, and a sweep touches no host that is ready', async () => {
    const run = start(['dev-host', 'up', 'torn', '--from-base', '--plain'], as('carol'));
    await lab.waitForText(run, /set up/);
    run.kill('SIGINT');
    const ended = await run;
    expect(ended.exitCode, ended.all).toBe(130);
    expect(await namesOf('carol')).toEqual([]);
    await cli(['sweep'], lab.environment);
    expect(await namesOf('alice')).toEqual(['one', 'two']);
  });

  test('destroy leaves nothing', async () => {
    const clients = ec2();
    for (const user of ['alice', 'bob']) {
      const run = await devHost(user, 'destroy', '--all', '--yes');
      expect(run.exitCode, run.all).toBe(0);
    }
    const { Reservations = [] } = await clients.ec2.send(new DescribeInstancesCommand({}));
    clients.destroy();
    expect(Reservations.flatMap(({ Instances = [] }) => Instances.map(({ State }) => State?.Name))).not.toContain(
      'running',
    );
    expect(await awsLeftovers(lab)).toEqual([]);
  });
});
