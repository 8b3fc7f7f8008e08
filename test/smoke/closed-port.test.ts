import { expect, test } from 'vitest';
import { closedPortOf } from '../../src/smoke/checks/closed-port.ts';

function range(FromPort: number, ToPort: number, IpProtocol = 'tcp') {
  return { FromPort, ToPort, IpProtocol };
}

test('a port below what ECS takes host ports from', () => {
  const port = closedPortOf([range(32_262, 32_262), range(32_768, 65_535)], []);
  expect(port).toBeLessThan(32_768);
  expect(port).toBeGreaterThan(1024);
});

test('outside of every port that the group opens, and of those that are used', () => {
  const first = closedPortOf([], []) ?? 0;
  const second = closedPortOf([], [first]) ?? 0;
  expect(second).not.toBe(first);
  expect(closedPortOf([range(second, 65_535)], [])).toBeLessThan(second);
  expect(closedPortOf([range(first, first, '6')], [])).toBe(second);
});

test('what is open for UDP only is closed for TCP', () => {
  expect(closedPortOf([range(0, 65_535, 'udp')], [])).not.toBeNull();
});

test.each([[[range(0, 65_535)]], [[{ IpProtocol: '-1' }]], [[range(1, 26_000), range(26_001, 40_000)]]])(
  'none where %j opens all of them',
  (permissions) => {
    expect(closedPortOf(permissions, [])).toBeNull();
  },
);
