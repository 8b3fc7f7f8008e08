import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { readPrerequisites } from '../../scripts/setup-lib/prerequisites.mjs';
import { awsItems } from '../../src/doctor/aws-items.ts';
import { type DoctorItem, item } from '../../src/doctor/doctor-item.ts';
import { doctorLines } from '../../src/doctor/doctor-lines.ts';
import { loopItem, packageItems } from '../../src/doctor/machine-items.ts';
import { runDoctor } from '../../src/doctor/run-doctor.ts';
import { tempFolder } from '../support/temp-folder.ts';

const packer: DoctorItem = item('Packer', 'everything', true, { found: '1.12.0', needed: '1.12.0', fix: 'make setup' });
const nft = item('package nftables', 'everything', false, { found: 'no nft', needed: 'firewall', fix: 'apt-get' });
const plugin = item('session-manager-plugin', 'AWS', false, { found: 'not in PATH', needed: 'AWS', fix: 'install it' });

test('a fix stands only where something is missing', () => {
  expect(packer).toMatchObject({ status: 'ok', fix: '' });
  expect(nft).toMatchObject({ status: 'missing', fix: 'apt-get' });
  expect(plugin.status).toBe('optional');
});

test('the table lines up, shows each fix below its item, and sums up', () => {
  expect(doctorLines([packer, nft, plugin], 120)).toEqual([
    '         prerequisite            found        needed',
    'ok       Packer                  1.12.0       1.12.0',
    'MISSING  package nftables        no nft       firewall',
    '         fix: apt-get',
    '-        session-manager-plugin  not in PATH  AWS',
    '         fix (only for AWS): install it',
    '',
    '1 missing; 1 more would be needed on AWS',
  ]);
  expect(doctorLines([packer], 120).at(-1)).toBe('everything for the lab is here');
});

test('what only machines with a kernel of their own need stops nothing', () => {
  const qemu = item('package qemu-system-x86', 'qemu', false, { found: 'none', needed: 'machines', fix: 'apt-get' });
  expect(doctorLines([packer, qemu], 120).slice(2)).toEqual([
    '-   package qemu-system-x86  none    machines',
    '    fix (only for machine: qemu): apt-get',
    '',
    'everything for the lab is here; 1 more would be needed for machine: qemu',
  ]);
});

test('what could not be looked at is no reason to say that all is there', () => {
  const unchecked: DoctorItem = { ...packer, status: 'unchecked', found: 'not checked: why', fix: 'allow it' };
  expect(doctorLines([packer, unchecked], 120, 'a run in us-east-2').slice(1)).toEqual([
    'ok  Packer        1.12.0            1.12.0',
    '?   Packer        not checked: why  1.12.0',
    '    fix: allow it',
    '',
    'nothing for a run in us-east-2 is known to be missing; 1 not checked',
  ]);
});

test('in a narrow terminal cells wrap at blanks, and fixes below their item', () => {
  expect(doctorLines([packer, plugin], 44)).toEqual([
    '    prerequisite            found     needed',
    'ok  Packer                  1.12.0    1.12.0',
    '-   session-manager-plugin  not in    AWS',
    '                            PATH',
    '    fix (only for AWS): install it',
    '',
    'everything for the lab is here; 1 more would',
    '  be needed on AWS',
  ]);
});

test('every prerequisite has found, needed, and a fix unless it is there', async () => {
  const { items, ok } = await runDoctor();
  const names = items.map(({ name }) => name);
  expect(names).toEqual(expect.arrayContaining(['system', 'root', 'Packer', 'amazon plugin of Packer', 'Python']));
  for (const { name } of readPrerequisites().packages) expect(names).toContain(`package ${name}`);
  for (const each of items) {
    expect(each.found, each.name).not.toBe('');
    expect(each.needed, each.name).not.toBe('');
    expect(each.fix === '', each.name).toBe(each.status === 'ok');
  }
  expect(ok).toBe(items.every(({ status }) => status !== 'missing'));
});

test('a package that is not there names the command that is absent', async () => {
  const needed = {
    ...readPrerequisites(),
    packages: [{ name: 'nothing', probes: ['ecs-host-no-such'], why: 'a test' }],
  };
  expect((await packageItems(needed, null))[0]).toMatchObject({
    status: 'missing',
    found: 'no ecs-host-no-such',
    fix: expect.stringContaining('apt-get install -y --no-install-recommends nothing'),
  });
});

test.each([
  [{ exists: true, readable: true, uid: 0 }, 'ok', '/dev/loop-control'],
  [{ exists: true, readable: false, uid: 1000 }, 'ok', '/dev/loop-control, for root only'],
  [{ exists: true, readable: false, uid: 0 }, 'missing', '/dev/loop-control, which may not be read'],
  [{ exists: false, readable: false, uid: 1000 }, 'missing', 'no /dev/loop-control'],
])('loop devices %j: %s, because only root has to read them', (found, status, says) => {
  expect(loopItem(found)).toMatchObject({ status, found: says });
});

describe('AWS credentials', () => {
  beforeEach(() => vi.stubEnv('HOME', tempFolder()));
  afterEach(() => vi.unstubAllEnvs());

  test('are looked for by name; no value is ever shown', async () => {
    expect((await awsItems())[0]).toMatchObject({ status: 'optional', found: 'none' });
    vi.stubEnv('AWS_ACCESS_KEY_ID', 'AKIDEXAMPLE');
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'very-secret');
    const items = await awsItems();
    expect(items[0]).toMatchObject({ status: 'ok', found: 'present: AWS_ACCESS_KEY_ID' });
    expect(JSON.stringify(items)).not.toMatch(/AKIDEXAMPLE|very-secret/);
  });
});
