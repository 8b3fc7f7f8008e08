import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { deadlineConfig, deadlineS } from '../../src/run/deadline.ts';
import { timeLimits } from '../../src/run/time-limits.ts';
import { joinParts } from '../../src/user-data/parts.ts';
import { renderUserData } from '../../src/user-data/render.ts';

test('the limit is later than the sum of what the steps may take, and later on AWS', () => {
  for (const endpointUrl of ['http://lab', null]) {
    const steps = Object.values(timeLimits(endpointUrl)).reduce((sum, limitMs) => sum + limitMs, 0) / 1000;
    expect(deadlineS('smoke', endpointUrl)).toBeGreaterThan(steps);
  }
  for (const kind of ['build', 'smoke'] as const)
    expect(deadlineS(kind, null)).toBeGreaterThan(deadlineS(kind, 'http://lab'));
});

test('a transient timer, which nothing of the boot waits for', () => {
  expect(parse(deadlineConfig('build', 7200))).toEqual({
    bootcmd: [
      [
        'timeout',
        '20',
        'systemd-run',
        '--unit=ecs-host-build-deadline',
        '--on-active=7200s',
        '--timer-property=AccuracySec=1s',
        '--timer-property=DefaultDependencies=no',
        '--property=DefaultDependencies=no',
        'systemctl',
        'poweroff',
      ],
    ],
  });
});

test('the user data of a host is a part of its own, byte for byte', () => {
  const ofTheHost = renderUserData({
    cluster: 'c',
    host: {
      version: 1,
      webserverUrl: 'https://127.0.0.1:8443',
      webserverCa: null,
      environment: 'smoke',
      drainSeconds: 10,
    },
  });
  const joined = joinParts([ofTheHost, deadlineConfig('smoke', 60)]);
  const [head = '', ...parts] = joined.split(/^--ecs-host-part-6a1f(?:--)?\n/m);
  expect(head).toMatch(/^Content-Type: multipart\/mixed; boundary="ecs-host-part-6a1f"\nMIME-Version: 1\.0\n\n$/);
  const bodies = parts.slice(0, 2).map((part) => part.slice(part.indexOf('\n\n') + 2));
  expect(bodies).toEqual([`${ofTheHost}\n`, `${deadlineConfig('smoke', 60)}\n`]);
  expect(parts[2]).toBe('');
});
