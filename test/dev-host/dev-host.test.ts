import { describe, expect, test } from 'vitest';
import { conditionOf, devHostOf, expiresIn, parseExpires } from '../../src/dev-host/dev-host.ts';
import { aDevHost, aDevInstance } from '../fixtures/dev-host.ts';

const API = { apiRegion: 'us-east-2', endpointUrl: null };

describe('a dev host from its tags', () => {
  test('all of it', () => {
    expect(devHostOf(aDevInstance(), API)).toEqual(aDevHost());
  });

  test('one without its time, its numbers or its readiness is a dev host all the same', () => {
    const damaged = {
      'ecs-host:expires': 'tomorrow',
      'ecs-host:idle-minutes': '-1',
      'ecs-host:ttl-minutes': null,
      'ecs-host:ready': null,
    };
    expect(devHostOf(aDevInstance(damaged), API)).toMatchObject({
      expires: null,
      idleMinutes: 60,
      ttlMinutes: 480,
      isReady: false,
    });
  });

  test.each([
    ['no name', { 'ecs-host:dev-host': null }],
    ['another kind', { 'ecs-host:kind': 'smoke' }],
  ])('an instance with %s is none', (_, tags) => {
    expect(devHostOf(aDevInstance(tags), API)).toBeNull();
  });

  test('the private address where there is no public one', () => {
    const instance = aDevInstance({}, { PrivateIpAddress: '10.0.0.7' });
    delete (instance as { PublicIpAddress?: string }).PublicIpAddress;
    expect(devHostOf(instance, API)?.address).toBe('10.0.0.7');
  });
});

test('times are UTC to the second, and anything else is damaged', () => {
  expect(expiresIn(90, Date.parse('2026-11-26T18:00:00.123Z'))).toBe('2026-11-26T19:30:00Z');
  expect(parseExpires('2026-11-26T19:30:00Z')).toBe('2026-11-26T19:30:00Z');
  for (const bad of [undefined, '', '2026-11-26', '2026-11-26T19:30:00.000Z', '2026-13-26T19:30:00Z', '$(id)'])
    expect(parseExpires(bad), String(bad)).toBeNull();
});

describe('what people are told of its state', () => {
  const now = Date.parse('2026-11-26T18:10:00Z');

  test.each([
    ['running', {}],
    ['stopped', { state: 'stopped' }],
    ['overdue', { expires: '2026-11-26T18:09:00Z' }],
    ['being made', { isReady: false }],
    ['unfinished', { isReady: false, launchedAt: '2026-11-26T17:00:00Z' }],
    ['stopped', { state: 'stopped', expires: '2026-11-26T18:00:00Z' }],
    ['running', { expires: null }],
  ])('%s', (said, more) => {
    expect(conditionOf(aDevHost(more), now)).toBe(said);
  });
});
