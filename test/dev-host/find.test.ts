import { describe, expect, test } from 'vitest';
import { listDevHosts, pickDevHosts } from '../../src/dev-host/find.ts';
import { aDevHost, aDevInstance } from '../fixtures/dev-host.ts';
import { fakeClients } from '../run/fake-clients.ts';

const DEV = aDevHost();
const OTHER = aDevHost({ name: 'other', instanceId: 'i-00000000000000002' });

describe('pickDevHosts', () => {
  test('by name, by instance id, and the only one when none is named', () => {
    expect(pickDevHosts([DEV, OTHER], ['other', DEV.instanceId])).toEqual([OTHER, DEV]);
    expect(pickDevHosts([DEV], [])).toEqual([DEV]);
  });

  test.each([
    [[], [], 'DEV_HOST_UNKNOWN', /no dev host/],
    [[DEV, OTHER], [], 'DEV_HOST_AMBIGUOUS', /2 dev hosts/],
    [[DEV, OTHER], ['othr'], 'DEV_HOST_UNKNOWN', /no dev host othr/],
    [[DEV, aDevHost({ instanceId: 'i-00000000000000003' })], ['dev'], 'DEV_HOST_AMBIGUOUS', /Two/],
  ])('%#: says what is wrong', (hosts, names, code, text) => {
    expect(() => pickDevHosts(hosts, names)).toThrow(
      expect.objectContaining({ code, message: expect.stringMatching(text) }),
    );
  });

  test('a name that is nearly right is offered', () => {
    expect(() => pickDevHosts([DEV, OTHER], ['othr'])).toThrow(
      expect.objectContaining({ hint: 'did you mean other?' }),
    );
  });
});

test("only one user's are asked for, and what is no dev host is left out", async () => {
  const { clients, calls } = fakeClients({
    DescribeInstances: () => ({
      Reservations: [
        { Instances: [aDevInstance({ 'ecs-host:dev-host': 'b' }), aDevInstance({ 'ecs-host:kind': 'smoke' })] },
        { Instances: [aDevInstance({ 'ecs-host:dev-host': 'a' })] },
      ],
    }),
  });
  const hosts = await listDevHosts(clients, { user: 'alice', apiRegion: 'us-east-2', endpointUrl: null });
  expect(hosts.map(({ name }) => name)).toEqual(['a', 'b']);
  expect(JSON.stringify(calls[0]?.input)).toContain('{"Name":"tag:ecs-host:dev-owner","Values":["alice"]}');
  await listDevHosts(clients, { user: null, apiRegion: 'us-east-2', endpointUrl: null });
  expect(JSON.stringify(calls[1]?.input)).not.toContain('dev-owner');
});
