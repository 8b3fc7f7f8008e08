import { setTimeout as sleep } from 'node:timers/promises';
import { execa } from 'execa';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { hasLink, removeLink, waitForLink } from '../../../lab/net/links.ts';

const NAMESPACE = `ecs-host-test-links-${process.pid}`;
let canTry = false;

function ip(...args: string[]) {
  return execa('ip', args, { reject: false });
}

function inside(...args: string[]) {
  return ip('-n', NAMESPACE, ...args);
}

beforeAll(async () => {
  canTry = (await ip('netns', 'add', NAMESPACE)).exitCode === 0;
});
beforeEach(({ skip }) => skip(!canTry, 'it needs root, and network namespaces'));
afterAll(async () => {
  if (canTry) await ip('netns', 'delete', NAMESPACE);
});

test('waits for the one link that it is asked for, and for no other', async () => {
  const { signal } = new AbortController();
  let isThere = false;
  const waiting = waitForLink(NAMESPACE, 'wanted', signal).then((found) => {
    isThere = found;
  });
  await inside('link', 'add', 'other', 'type', 'veth', 'peer', 'name', 'other-end');
  await sleep(700);
  expect(isThere).toBe(false);
  await inside('link', 'add', 'wanted', 'type', 'veth', 'peer', 'name', 'wanted-end');
  await waiting;
  expect(isThere).toBe(true);
  expect(await waitForLink(NAMESPACE, 'wanted', signal)).toBe(true);
});

test('gives up when it is told to', async () => {
  const ended = new AbortController();
  const waiting = waitForLink(NAMESPACE, 'never', ended.signal);
  ended.abort();
  expect(await waiting).toBe(false);
});

test('removes a link, or none', async () => {
  await inside('link', 'add', 'going', 'type', 'veth', 'peer', 'name', 'going-end');
  await removeLink(NAMESPACE, 'going');
  expect(await hasLink(NAMESPACE, 'going')).toBe(false);
  await removeLink(NAMESPACE, 'going');
});
