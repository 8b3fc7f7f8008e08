import { expect, test } from 'vitest';
import { compareVersions, findVersion, versionFits } from '../../scripts/setup-lib/versions.mjs';

test.for([
  ['v20.11.1', '20.11.1'],
  ['go1.26.8', '1.26.8'],
  ['Python 3.11.2', '3.11.2'],
  ['Packer v1.12.0\n\nYour version of Packer is out of date! The latest is 1.14.2', '1.12.0'],
  ['{"version":"1.3.4","sdk_version":"0.6.0"}', '1.3.4'],
  ['no number here', null],
] as const)('finds the version in %j', ([text, version]) => {
  expect(findVersion(text)).toBe(version);
});

test('compares parts as numbers, and missing ones as 0', () => {
  expect(compareVersions('1.9.0', '1.12.0')).toBeLessThan(0);
  expect(compareVersions('1.12', '1.12.0')).toBe(0);
  expect(compareVersions('22.04', '22.4.1')).toBeLessThan(0);
  expect(compareVersions('2', '1.99.99')).toBeGreaterThan(0);
});

test('a range has a lower end and maybe an upper one; no version never fits', () => {
  expect(versionFits('1.12.0', { min: '1.12.0', below: '2.0.0' })).toBe(true);
  expect(versionFits('1.11.9', { min: '1.12.0', below: '2.0.0' })).toBe(false);
  expect(versionFits('2.0.0', { min: '1.12.0', below: '2.0.0' })).toBe(false);
  expect(versionFits('99.0.0', { min: '20.0.0' })).toBe(true);
  expect(versionFits(null, { min: '0.0.0' })).toBe(false);
});
