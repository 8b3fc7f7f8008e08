import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { projectFolder } from '../../scripts/setup-lib/paths.mjs';
import { readPrerequisites } from '../../scripts/setup-lib/prerequisites.mjs';
import { versionFits } from '../../scripts/setup-lib/versions.mjs';

const needed = readPrerequisites();
function file(path: string): string {
  return readFileSync(join(projectFolder(), path), 'utf8');
}

test('every package says what it brings and why', () => {
  for (const entry of needed.packages) {
    expect(entry.probes.length, entry.name).toBeGreaterThan(0);
    expect(entry.why, entry.name).not.toBe('');
  }
  expect(new Set(needed.packages.map(({ name }) => name)).size).toBe(needed.packages.length);
});

test('the module builds exactly the versions that are asked for', () => {
  const module = file('packer/toolchain/go.mod');
  const pinned = (name: string): string | undefined => new RegExp(`\\s${name} v(\\S+)`).exec(module)?.[1];
  expect(pinned('github.com/hashicorp/packer')).toBe(needed.packer.version);
  expect(pinned('github.com/hashicorp/packer-plugin-amazon')).toBe(needed.amazonPlugin.version);
  expect(versionFits(needed.packer.version, needed.packer)).toBe(true);
});

test('the session-manager-plugin that is built is new enough to be asked for', () => {
  expect(versionFits(needed.sessionManagerPlugin.version, needed.sessionManagerPlugin)).toBe(true);
});

test.for(['toolchain', 'session-manager-plugin'])(
  'the Go that set-up asks for is the one that the module of %s asks for',
  (module) => {
    expect(/^go (\S+)$/m.exec(file(`packer/${module}/go.mod`))?.[1]).toBe(needed.go.min.replace(/\.0$/, ''));
  },
);

test.for(['lab/requirements.lock', 'packer/toolchain/go-requirements.lock', 'scripts/lint-tools/requirements.lock'])(
  '%s pins everything by hash and names no package index',
  (path) => {
    const text = file(path);
    const entries = text.split('\n').filter((line) => /^[a-z0-9]/i.test(line));
    expect(entries.length).toBeGreaterThan(0);
    for (const line of entries) expect(line).toMatch(/^[a-z0-9._-]+(\[[a-z0-9,]+\])?==\S+ .*\\$/i);
    expect(text).not.toMatch(/https?:\/\/|--index|--find-links/);
  },
);
