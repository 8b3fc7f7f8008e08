import { describe, expect, test } from 'vitest';
import type { FindingLine } from '#contracts/audit.ts';
import type { Listening, Settings } from '../../src/audit/booted-facts.ts';
import { auditAnswers, type Booted, findingChecks } from '../../src/audit/checks.ts';
import type { ExplainedDisk } from '../../src/audit/explain-disk.ts';
import type { Finding } from '../../src/audit/finding.ts';
import type { ReadDisks } from '../../src/audit/read-disks.ts';
import { auditReport, listedFiles } from '../../src/audit/report.ts';
import { anInventory } from '../fixtures/inventory.ts';
import { file, folder, image, link, plan, special } from './image.ts';

const PLAN = plan();
const facts: Settings & Listening = {
  sshd: ['port 22'],
  sockets: [],
  enabled: [],
  commandLine: 'root=/dev/xvda1',
  environment: [],
  docker: null,
};
const item = file('/opt/x', 'some', { mode: 0o600, ctime: 3 });
const found: Finding = { path: '/opt/x', kind: 'unexplained', reason: 'why', entry: item.entry, step: 'docker' };
const gone: Finding = { path: '/etc/gone', kind: 'missing', reason: 'the base image has it', entry: null, step: null };
const secret: FindingLine = { type: 'finding', rule: 'aws-key', where: 'file', path: '/opt/s', offset: 7 };
const loose: FindingLine = { type: 'finding', rule: 'aws-key', where: 'free space', path: null, offset: 4096 };
const console: FindingLine = { type: 'finding', rule: 'jwt', where: 'file', path: 'the console of i-1', offset: 9 };

function explained(more: Partial<ExplainedDisk> = {}): ExplainedDisk {
  const counts = { package: 1, provisioner: 2, 'base image': 3, generated: 4, folder: 5 };
  return {
    findings: [],
    missing: [],
    excepted: [],
    unneeded: [],
    counts,
    explainers: new Map(),
    toSearch: [],
    ...more,
  };
}

function disks(more: Partial<ExplainedDisk> = {}, secrets: readonly FindingLine[] = []): ReadDisks {
  return {
    ...{ image: image([]), explained: explained(more), secrets, base: facts },
    searchConsole: async () => [],
  };
}

const inventory = { ...anInventory('ami-1'), files: [], links: [] };
const booted: Booted = { inventory, settings: facts, shut: facts, open: facts };

function answers(read: ReadDisks, seen: Booted = booted, onConsole: readonly FindingLine[] = []) {
  return auditAnswers(read, seen, { plan: PLAN, ownTunnel: 8443, onConsole });
}

describe('the answers of an audit', () => {
  test('are right where nothing was found', () => {
    const { 'audit.docker': docker, ...others } = answers(disks());
    expect(docker).toEqual({ actual: 'Docker is not up', isCorrect: false });
    expect(Object.fromEntries(Object.entries(others).map(([id, answer]) => [id, answer?.actual]))).toEqual({
      'audit.explained': 'all of it',
      'audit.complete': 'nothing',
      'audit.secrets': 'none',
      'audit.booted': 'the same',
      'audit.sshd': 'the same',
      'audit.units': 'as planned',
      'audit.environment': 'the same',
      'audit.sockets-shut': 'nobody else',
      'audit.sockets-open': 'nobody else',
    });
    for (const answer of Object.values(others)) expect(answer?.isCorrect).toBe(true);
  });

  test('count what was found, on the console as well', () => {
    const found2 = answers(disks({ findings: [found, found], missing: [gone] }, [secret]), booted, [console, console]);
    expect(found2['audit.explained']).toEqual({ actual: '2 things are not', isCorrect: false });
    expect(found2['audit.complete']).toEqual({ actual: '1 things', isCorrect: false });
    expect(found2['audit.secrets']).toEqual({ actual: '3 places', isCorrect: false });
  });

  test('say each difference', () => {
    const other = { ...facts, sshd: ['port 2222'], environment: ['A=b'], enabled: ['evil.service'] };
    const sockets = [{ protocol: 'tcp', address: '*', port: 51678, programs: ['agent'] }];
    const said = answers(disks(), {
      ...{ inventory, settings: other },
      ...{ shut: { ...facts, sockets }, open: { ...facts, sockets } },
    });
    expect(said['audit.sshd']).toEqual({ actual: 'now port 2222; no more port 22', isCorrect: false });
    expect(said['audit.environment']?.actual).toBe('variable A');
    expect(said['audit.units']?.actual).toBe('evil.service is enabled');
    expect(said['audit.sockets-shut']).toEqual({ actual: 'tcp *:51678 (agent)', isCorrect: false });
    expect(said['audit.sockets-open']?.isCorrect).toBe(true);
  });

  test('are none of what nobody could be asked about', () => {
    const none = answers(disks(), { inventory: null, settings: null, shut: null, open: null });
    const open = Object.entries(none).flatMap(([id, answer]) => (answer === null ? [id] : []));
    expect(open).toEqual([
      ...['audit.booted', 'audit.sshd', 'audit.units', 'audit.environment'],
      ...['audit.sockets-shut', 'audit.sockets-open', 'audit.docker'],
    ]);
  });
});

describe('what was found', () => {
  test('is a check each, secrets first', () => {
    const checks = findingChecks(disks({ findings: [found], missing: [gone] }, [secret, loose]), [console]);
    expect(checks.map(({ title, actual }) => [title, actual])).toEqual([
      ['/opt/s holds no secret', 'aws-key, at 7 bytes'],
      ['free space at 4096 holds no secret', 'aws-key, free space at 4096 bytes'],
      ['the console of i-1 holds no secret', 'jwt, at 9 bytes'],
      ['/opt/x is explained', 'why (file, 4 bytes, 0:0, 0600) in docker'],
      ['/etc/gone is there', 'the base image has it'],
    ]);
    expect(checks.every(({ verdict }) => verdict === 'incorrect')).toBe(true);
    expect(checks.map(({ expected }) => expected)).toEqual([...Array(3).fill('no secret'), 'explained', 'there']);
  });

  test('has an id of its own, each', () => {
    const second = { ...secret, offset: 900 };
    const ids = findingChecks(disks({ findings: [{ ...found, path: '/opt/s' }] }, [secret, second]), []).map(
      ({ id }) => id,
    );
    expect(new Set(ids).size).toBe(ids.length);
  });

  test('is named up to a number that somebody reads', () => {
    const findings = Array.from({ length: 500 }, (_, at): Finding => ({ ...found, path: `/opt/${at}` }));
    expect(findingChecks(disks({ findings }, [secret]), [])).toHaveLength(200);
    expect(findingChecks(disks({ findings }, [secret]), [])[0]?.title).toBe('/opt/s holds no secret');
  });
});

describe('the report', () => {
  const text = auditReport('ami-1', disks({ findings: [found], missing: [gone], excepted: [found] }, [secret]), [
    console,
  ]);

  test('has everything, and how it was counted', () => {
    const report = JSON.parse(text);
    expect(text.endsWith('}\n')).toBe(true);
    expect(report).toMatchObject({ auditVersion: 1, imageId: 'ami-1', explained: { package: 1, folder: 5 } });
    expect(report.findings).toEqual([
      {
        ...{ path: '/opt/x', kind: 'unexplained', reason: 'why', step: 'docker' },
        ...{ size: 4, uid: 0, gid: 0, mode: 0o600, sha256: item.entry.sha256 },
      },
      { path: '/etc/gone', kind: 'missing', reason: 'the base image has it', step: null },
    ]);
    expect(report.secrets).toEqual([
      { rule: 'aws-key', where: 'file', path: '/opt/s', offset: 7 },
      { rule: 'jwt', where: 'file', path: 'the console of i-1', offset: 9 },
    ]);
    expect(report.excepted).toHaveLength(1);
    expect(report.unneededExceptions).toEqual([]);
  });

  test('lists the whole disk, with who explains what', () => {
    const items = [file('/a', 'x'), folder('/b'), link('/c', '/a'), special('/d', 'block', { device: '8:1' })];
    const explainers = new Map([['/a', 'package' as const]]);
    expect(listedFiles({ image: image(items), explained: explained({ explainers }) })).toEqual([
      { path: '/a', what: `0644 0:0 ${items[0]?.entry.sha256}`, by: 'package' },
      { path: '/b', what: '0755 0:0 folder', by: 'nobody' },
      { path: '/c', what: '-> /a', by: 'nobody' },
      { path: '/d', what: '0600 0:0 8:1', by: 'nobody' },
    ]);
  });
});
