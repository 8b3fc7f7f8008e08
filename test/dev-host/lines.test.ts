import { describe, expect, test } from 'vitest';
import { devCommand, listLines, readyLines, stopText } from '../../src/dev-host/lines.ts';
import { formatMinutes, parseMinutes } from '../../src/io/duration.ts';
import { textWidth } from '../../src/io/text.ts';
import { priceOf } from '../../src/plan/price.ts';
import { aDevHost } from '../fixtures/dev-host.ts';

const NOW = Date.parse('2026-11-26T18:00:00Z');

test.each([
  ['45m', 45],
  ['8h', 480],
  ['2d', 2880],
  ['1h30m', 90],
  ['', null],
  ['8', null],
  ['8 h', null],
  ['-1h', null],
  ['1.5h', null],
  ['h', null],
  ['99999999h', null],
])('"%s" is %s minutes', (text, minutes) => {
  expect(parseMinutes(text)).toBe(minutes);
});

test('minutes as people say them', () => {
  expect([0, 45, 60, 90, 480, 2880, 3090].map(formatMinutes)).toEqual([
    '0 min',
    '45 min',
    '1 h',
    '1 h 30 min',
    '8 h',
    '2 d',
    '2 d 3 h',
  ]);
});

test('when it stops: today without its day, and what is over', () => {
  expect(stopText(aDevHost({ expires: '2026-11-26T20:00:00Z' }), NOW)).toBe('20:00 UTC, in 2 h');
  expect(stopText(aDevHost(), NOW)).toBe('2026-11-27 02:00 UTC, in 8 h');
  expect(stopText(aDevHost({ expires: '2026-11-26T17:30:00Z' }), NOW)).toBe('17:30 UTC, 30 min ago');
  expect(stopText(aDevHost({ expires: null }), NOW)).toContain('tag');
});

describe('the list', () => {
  const hosts = [aDevHost(), aDevHost({ name: 'sleeper', state: 'stopped', instanceId: 'i-00000000000000002' })];

  test('says when what runs stops, and of what is stopped nothing', () => {
    const lines = listLines(hosts, { showsUsers: false, width: Number.POSITIVE_INFINITY, now: NOW });
    expect(lines[1]).toContain('2026-11-27 02:00 UTC, in 8 h');
    expect(lines[2]).not.toContain('UTC');
    expect(lines.join()).not.toContain('alice');
    expect(listLines(hosts, { showsUsers: true, width: Number.POSITIVE_INFINITY, now: NOW }).join()).toContain('alice');
  });

  test.each([60, 80, 120])('fits into %i columns', (width) => {
    for (const line of listLines(hosts, { showsUsers: true, width, now: NOW }))
      expect(textWidth(line), line).toBeLessThanOrEqual(width);
  });
});

test('the closing lines have commands to paste, the price and the end', () => {
  const about = { region: 'us-east-2', isLab: false, sizeGiB: 32, width: Number.POSITIVE_INFINITY };
  const text = readyLines(aDevHost(), about).join('\n');
  expect(text).toContain('ecs-host dev-host connect dev --region us-east-2');
  expect(text).toContain('ecs-host dev-host sync dev . --region us-east-2');
  expect(text).toContain('ecs-host dev-host destroy dev --region us-east-2');
  expect(text).toContain('$0.750 an hour');
  expect(text).toContain('or after 1 h without use');
  expect(readyLines(aDevHost({ idleMinutes: 0 }), about).join('\n')).not.toContain('without use');
  expect(devCommand('connect', 'dev', 'local')).toBe('ecs-host dev-host connect dev');
});

test('a price that is not known is not made up', () => {
  const host = { instanceType: 'g3s.xlarge', apiRegion: 'us-east-1', sizeGiB: 32, isLab: false };
  expect(priceOf(host)).toMatchObject({ running: expect.closeTo(0.7535, 3), volume: expect.closeTo(0.0035, 4) });
  expect(priceOf({ ...host, apiRegion: 'eu-west-1' }).running).toBeNull();
  expect(priceOf({ ...host, instanceType: 'x9.large' }).text).toContain('not known');
  expect(priceOf({ ...host, isLab: true })).toMatchObject({ running: 0, volume: 0 });
});
