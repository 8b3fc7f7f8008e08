import { expect, test } from 'vitest';
import { completeLock, platformOf } from '../../scripts/generate/package-lock.ts';

test.for([
  ['@rolldown/binding-linux-arm64-musl', { os: ['linux'], cpu: ['arm64'], libc: ['musl'] }],
  ['@oxc-parser/binding-linux-arm-musleabihf', { os: ['linux'], cpu: ['arm'], libc: ['musl'] }],
  ['@biomejs/cli-win32-x64', { os: ['win32'], cpu: ['x64'] }],
  ['@rolldown/binding-wasm32-wasi', { cpu: ['wasm32'] }],
  ['bufferutil', null],
] as const)('%s says its platform', ([name, platform]) => {
  expect(platformOf(name)).toEqual(platform);
});

const tool = { version: '1.0.0', dev: true, optionalDependencies: { 'tool-darwin-arm64': '1.0.0' } };
const entry = { version: '1.0.0', dev: true, optional: true, os: ['darwin'], cpu: ['arm64'] };

test('a platform package that is not there gets an entry, where npm would put it', () => {
  const lock = { packages: { '': {}, 'node_modules/tool': tool, 'node_modules/zebra': { version: '1.0.0' } } };
  const { packages } = completeLock(lock);
  expect(Object.keys(packages)).toEqual([
    '',
    'node_modules/tool',
    'node_modules/tool-darwin-arm64',
    'node_modules/zebra',
  ]);
  expect(packages['node_modules/tool-darwin-arm64']).toEqual(entry);
});

test('two versions of a tool have two versions of its platform package', () => {
  const newer = { ...tool, version: '2.0.0', optionalDependencies: { 'tool-darwin-arm64': '2.0.0' } };
  const lock = { packages: { '': {}, 'node_modules/tool': tool, 'node_modules/other/node_modules/tool': newer } };
  const { packages } = completeLock(lock);
  expect(packages['node_modules/tool-darwin-arm64']?.version).toBe('1.0.0');
  expect(packages['node_modules/other/node_modules/tool/node_modules/tool-darwin-arm64']?.version).toBe('2.0.0');
});

test('a complete lock stays the same object', () => {
  const lock = { packages: { '': {}, 'node_modules/tool': tool, 'node_modules/tool-darwin-arm64': entry } };
  expect(completeLock(lock)).toBe(lock);
});
