import { expect, test, vi } from 'vitest';
import type { HandshakeRequest } from '#contracts/webserver.ts';
import {
  confirmAddress,
  confirmAll,
  confirmOnce,
  createConfirmEc2,
  type DescribeInstance,
  type InstanceFacts,
} from '../../webserver/confirm.ts';
import { Hosts } from '../../webserver/hosts.ts';
import { identityDocumentOf, instanceIdOf } from '../fixtures/host.ts';

const A = instanceIdOf(1);
const hosts = new Hosts();
/** What is looked at of a handshake. */
function shown(hostKey = 'key', document: object = { privateIp: '10.0.0.7' }) {
  return {
    instanceId: A,
    region: 'us-west-2',
    imageId: 'ami-1',
    environment: 'test',
    hostKey,
    identityDocument: identityDocumentOf(A, document),
  } as HandshakeRequest;
}

test.each([
  ['10.0.0.7', null],
  ['::ffff:10.0.0.7', null],
  ['10.0.0.70', 'it comes from 10.0.0.70, and its identity document names 10.0.0.7'],
  ['2001:db8::1', 'it comes from 2001:db8::1, and its identity document names 10.0.0.7'],
])('address: from %s: %s', async (from, expected) => {
  expect(await confirmAddress(shown(), from, hosts)).toBe(expected);
});

test('address: a document without one names none', async () => {
  expect(await confirmAddress(shown('key', { privateIp: undefined }), '10.0.0.7', hosts)).toMatch('names no address');
});

test('once: the first key is the only one, also after a goodbye, until it is forgotten', async () => {
  const mine = new Hosts();
  expect(await confirmOnce(shown(), '', mine)).toBeNull();
  mine.admit(shown(), null);
  mine.forget(A);
  expect(await confirmOnce(shown(), '', mine)).toBeNull();
  expect(await confirmOnce(shown('thief'), '', mine)).toMatch('another key was let in');
  mine.orders.change(A, { keyHash: null });
  expect(await confirmOnce(shown('thief'), '', mine)).toBeNull();
});

function createEc2(facts: InstanceFacts | null | Error) {
  const clock = { ms: 0 };
  let now = facts;
  const describe = vi.fn<DescribeInstance>(async () => {
    if (now instanceof Error) throw now;
    return now;
  });
  const confirm = createConfirmEc2(describe, () => clock.ms);
  const answer = (next: InstanceFacts | null | Error): void => {
    now = next;
  };
  return { clock, describe, answer, confirm: (document?: object) => confirm(shown('key', document), '', hosts) };
}
const RUNNING = { state: 'running', privateIp: '10.0.0.7' };

test.each<[InstanceFacts, string | null]>([
  [RUNNING, null],
  [{ ...RUNNING, state: 'pending' }, null],
  [{ ...RUNNING, state: 'terminated' }, 'EC2 says that this instance is terminated'],
  [{ ...RUNNING, state: 'stopped' }, 'EC2 says that this instance is stopped'],
  [
    { ...RUNNING, privateIp: '10.0.0.8' },
    'EC2 says that its address is 10.0.0.8, and its identity document names 10.0.0.7',
  ],
  [{ ...RUNNING, privateIp: null }, 'EC2 says that its address is none, and its identity document names 10.0.0.7'],
])('ec2: %o: %s', async (facts, expected) => {
  expect(await createEc2(facts).confirm()).toBe(expected);
});

test('ec2: a document without an address is not taken for an instance without one', async () => {
  expect(await createEc2({ ...RUNNING, privateIp: null }).confirm({ privateIp: undefined })).not.toBeNull();
});

test('ec2: asked once in half a minute, also when many ask at once', async () => {
  const { clock, describe, confirm, answer } = createEc2(RUNNING);
  await Promise.all([confirm(), confirm(), confirm()]);
  clock.ms += 29_999;
  answer({ ...RUNNING, state: 'terminated' });
  expect(await confirm()).toBeNull();
  expect(describe).toHaveBeenCalledTimes(1);
  clock.ms += 1;
  expect(await confirm()).toMatch('terminated');
});

test('ec2: while it is away nobody is let in or denied, and it is asked again each time', async () => {
  const { describe, confirm, answer } = createEc2(new Error('ECONNREFUSED'));
  await expect(confirm()).rejects.toThrow('ECONNREFUSED');
  await expect(confirm()).rejects.toThrow('ECONNREFUSED');
  expect(describe).toHaveBeenCalledTimes(2);
  answer(RUNNING);
  expect(await confirm()).toBeNull();
});

test('ec2: an instance that it does not know has a minute to become known', async () => {
  const { clock, confirm, answer } = createEc2(null);
  await expect(confirm()).rejects.toThrow('does not know this instance yet');
  clock.ms += 59_999;
  await expect(confirm()).rejects.toThrow('yet');
  answer(RUNNING);
  expect(await confirm()).toBeNull();
  clock.ms += 30_000;
  answer(null);
  await expect(confirm()).rejects.toThrow('yet');
  clock.ms += 60_000;
  expect(await confirm()).toBe('EC2 does not know this instance');
});

test('all of them are asked, in order; the first reason counts', async () => {
  const asked: string[] = [];
  const make = (name: string, reason: string | null) => async () => {
    asked.push(name);
    return reason;
  };
  expect(await confirmAll([make('a', null), make('b', 'no'), make('c', 'neither')])(shown(), '', hosts)).toBe('no');
  expect(asked).toEqual(['a', 'b']);
  expect(await confirmAll([])(shown(), '', hosts)).toBeNull();
});
