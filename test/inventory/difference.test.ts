import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { ImageRecord } from '../../src/image/image-record.ts';
import { differenceOf, type Explained, imageBefore } from '../../src/inventory/difference.ts';
import { differenceLines } from '../../src/inventory/difference-lines.ts';
import type { ListedFile } from '../../src/inventory/file-list.ts';
import { projectFolder } from '../../src/io/paths.ts';
import { aRecord } from '../fixtures/image-record.ts';
import { anInventory, aPackage } from '../fixtures/inventory.ts';

const GOLDEN = join(projectFolder(), 'test', 'inventory', 'golden', 'difference.txt');

function listed(...files: readonly ListedFile[]): Explained['files'] {
  return new Map(files.map((file) => [file.path, file]));
}

const old: Explained = {
  record: aRecord('ami-0aa'),
  inventory: anInventory('ami-0aa'),
  files: listed(
    { path: '/usr/bin/jq', what: '0755 0:0 aa', by: 'package' },
    { path: '/opt/ecs-host/image.json', what: '0644 0:0 aa', by: 'provisioner' },
    { path: '/var/lib/gone', what: '0644 0:0 aa', by: 'generated' },
    { path: '/etc/hostname', what: '0644 0:0 aa', by: 'generated' },
  ),
};

/** Something of every kind is added, removed and changed. */
function newer(): Explained {
  const inventory = anInventory('ami-0bb');
  const [daemon, fstab] = inventory.files;
  if (daemon === undefined || fstab === undefined) throw new Error('the fixture has changed');
  return {
    record: { ...aRecord('ami-0bb'), versions: { docker: '26.1.5', node: '24.21.0' } },
    files: listed(
      { path: '/usr/bin/jq', what: '0755 0:0 bb', by: 'package' },
      { path: '/opt/ecs-host/image.json', what: '0644 0:0 bb', by: 'provisioner' },
      { path: '/srv/new', what: '0600 0:0 bb', by: 'nobody' },
      { path: '/etc/hostname', what: '0644 0:0 bb', by: 'generated' },
    ),
    inventory: {
      ...inventory,
      packages: [
        ...inventory.packages.filter(({ name }) => name !== 'tzdata' && name !== 'libssl3'),
        aPackage('libssl3', '3.0.16-1~deb12u1'),
        aPackage('libc6', '2.36-9', { architecture: 'i386' }),
      ],
      npm: [
        { name: 'zx', version: '8.8.5' },
        { name: 'zx', version: '9.0.0' },
      ],
      files: [
        { ...daemon, sha256: 'd'.repeat(64), mode: '600' },
        { ...fstab, mode: '640' },
        { path: '/etc/modprobe.d/new.conf', mode: '644', bytes: 1, sha256: 'e'.repeat(64) },
      ],
      links: [
        { path: '/etc/localtime', to: '/usr/share/zoneinfo/Europe/Rome' },
        { path: '/etc/systemd/system/x.wants/y.service', to: '/lib/systemd/system/y.service' },
      ],
      settings: { 'docker.source': 'docker-ce', swapMiB: '0', 'userTools.awsCli.source': 'aws' },
    },
  };
}

describe('the difference of two images', () => {
  test('is told as it was', async () => {
    const text = `${differenceLines(differenceOf(old, newer())).join('\n')}\n`;
    if (process.env['UPDATE_GOLDEN'] === '1') await writeFile(GOLDEN, text);
    expect(text).toBe(await readFile(GOLDEN, 'utf8'));
  });

  test('is the same the other way round, with both sides changed', () => {
    const [there, back] = [differenceOf(old, newer()), differenceOf(newer(), old)];
    const turned = back.packages.map(({ name, before, after }) => ({ name, before: after, after: before }));
    expect(turned).toEqual(there.packages);
  });

  test('of an image with itself there is none', () => {
    expect(differenceLines(differenceOf(old, old))).toEqual(['from ami-0aa to ami-0aa: no difference']);
  });
});

describe('the image before', () => {
  const smoke = { verdict: 'passed', runId: 'r' } as NonNullable<ImageRecord['smoke']>;
  const at = (imageId: string, createdAt: string, more: Partial<ImageRecord> = {}): ImageRecord => ({
    ...aRecord(imageId),
    createdAt,
    smoke,
    ...more,
  });
  const now = at('ami-0now', '2026-11-10T00:00:00.000Z', { smoke: null });

  test('is the last of its profile and region that passed', () => {
    const records = [
      at('ami-0later', '2026-11-11T00:00:00.000Z'),
      now,
      at('ami-0failed', '2026-11-09T00:00:00.000Z', { smoke: { ...smoke, verdict: 'failed' } }),
      at('ami-0other', '2026-11-08T00:00:00.000Z', { profile: 'g6-noble' }),
      at('ami-0there', '2026-11-07T00:00:00.000Z', { apiRegion: 'us-east-1' }),
      at('ami-0aws', '2026-11-06T00:00:00.000Z', { endpointUrl: null }),
      at('ami-0this', '2026-11-05T00:00:00.000Z'),
      at('ami-0older', '2026-11-04T00:00:00.000Z'),
    ];
    expect(imageBefore(now, records).imageId).toBe('ami-0this');
  });

  test('may be missing', () => {
    expect(() => imageBefore(now, [now])).toThrow('is older than ami-0now');
  });
});
