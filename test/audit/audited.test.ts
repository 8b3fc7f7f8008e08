import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import type { AuditEntry, AuditLine } from '#contracts/audit.ts';
import { auditedDisk, auditedFindings, auditLines, CONTENTS, textOf } from '../../src/audit/audited.ts';
import { GOLDEN } from '../render/golden-cases.ts';
import { file, folder, type Item, printed, ROOT_PARTITION } from './image.ts';

const UNREADABLE = expect.objectContaining({ code: 'AUDIT_UNREADABLE', kind: 'outside' });

function entryLine({ entry }: Item, partition = 1): AuditLine {
  return { type: 'entry', partition, ...entry };
}

function contentLine({ entry, content }: Item): AuditLine {
  return { type: 'content', path: entry.path, base64: content?.toString('base64') ?? '' };
}

function of(item: Item, partition = 1): readonly AuditLine[] {
  return item.content === null ? [entryLine(item, partition)] : [entryLine(item, partition), contentLine(item)];
}

const disk: AuditLine = { type: 'disk', bytes: 1, partitions: [ROOT_PARTITION], unpartitioned: [] };
const etc = entryLine(folder('/etc'));

describe('the output of the auditor', () => {
  test('is its lines, whatever characters are in them', () => {
    const odd = entryLine(file('/etc/ü\n\\xff'));
    expect(auditLines(printed([odd]))).toEqual([odd, { type: 'end', lines: 2, durationMs: 1 }]);
  });

  test.each([
    ['nothing', Buffer.alloc(0)],
    ['no gzip', Buffer.from('{"type":"end"}')],
    ['cut off', printed([etc, disk]).subarray(0, -10)],
    ['a line that is no JSON', gzipSync('{"type":"entry"\n{"type":"end","lines":2,"durationMs":1}\n')],
    ['no lines', gzipSync('')],
    ['no last line', gzipSync(`${JSON.stringify(etc)}\n`)],
    ['something behind its last line', gzipSync(`{"type":"end","lines":2,"durationMs":1}\n${JSON.stringify(etc)}\n`)],
    ['one line too few', printed([etc], 3)],
    ['one line too many', printed([etc, disk], 2)],
  ])('that is %s is refused', (_what, output) => {
    expect(() => auditLines(output)).toThrow(UNREADABLE);
  });

  test('says how many lines there are of how many', () => {
    expect(() => auditLines(printed([etc], 7))).toThrow('it has 2 of 7 lines');
  });

  test('has findings apart from everything else', () => {
    const finding = { type: 'finding', rule: 'aws-key', where: 'file', path: '/etc/x', offset: 3 } as const;
    expect(auditedFindings(printed([etc, finding]))).toEqual([finding]);
    expect(auditedFindings(printed([etc]))).toEqual([]);
  });
});

describe('a disk that was read', () => {
  test('has entries by path, contents, and partitions', () => {
    const found = auditedDisk(printed([disk, etc, ...of(file('/etc/hosts', 'localhost'))]));
    expect(found.partitions).toEqual([ROOT_PARTITION]);
    expect([...found.entries.keys()]).toEqual(['/etc', '/etc/hosts']);
    expect(found.entries.get('/etc/hosts')).toEqual(file('/etc/hosts', 'localhost').entry);
    expect(textOf(found, '/etc/hosts')).toBe('localhost');
    expect(textOf(found, '/etc')).toBeNull();
  });

  test('keeps the bytes of what is no text', () => {
    const bytes = Buffer.from([0, 255, 13, 10]);
    expect(auditedDisk(printed([etc, ...of(file('/etc/x', bytes))])).contents.get('/etc/x')).toEqual(bytes);
  });

  test('has what is in archives', () => {
    const member = { type: 'member', archive: '/boot/initrd.img-1', path: 'init', kind: 'file', mode: 0o755 } as const;
    const archive = file('/boot/initrd.img-1').entry;
    const entry = { type: 'entry', partition: 1, ...archive } as const;
    const { members } = auditedDisk(printed([disk, etc, entry, member, { ...member, path: 'bin' }]));
    expect(members.get('/boot/initrd.img-1')?.map(({ path }) => path)).toEqual(['init', 'bin']);
  });

  test('without an /etc is none', () => {
    expect(() => auditedDisk(printed([disk, entryLine(folder('/boot'))]))).toThrow(UNREADABLE);
  });

  test('keeps files of two partitions apart, whichever comes first', () => {
    const boot = [entryLine(folder('/'), 16), entryLine(file('/vmlinuz', 'of boot'), 16)];
    const root = [entryLine(folder('/')), etc, entryLine(file('/vmlinuz', 'of root'))];
    for (const lines of [
      [...boot, ...root],
      [...root, ...boot],
    ]) {
      const { entries } = auditedDisk(printed(lines));
      expect(entries.size).toBe(5);
      expect(entries.get('/vmlinuz')?.sha256).toBe(file('', 'of root').entry.sha256);
      expect(entries.get('16:/vmlinuz')?.sha256).toBe(file('', 'of boot').entry.sha256);
    }
  });

  test('takes no content of another partition for the one of its root', () => {
    const [good, bad] = [file('/etc/passwd', 'good'), file('/etc/passwd', 'bad')];
    const found = auditedDisk(printed([etc, ...of(bad), ...of(good, 16)]));
    expect(textOf(found, '/etc/passwd')).toBe('bad');
  });

  test('says of an entry of another partition that it is there, and not where the root has one', () => {
    const found = auditedDisk(printed([etc, ...of(file('/usr/bin/ls', 'ls')), ...of(file('/usr/bin/ls', 'ls'), 16)]));
    const paths = [...found.entries].map(([key, { path }]: [string, AuditEntry]) => [key, path]);
    expect(paths).toContainEqual(['16:/usr/bin/ls', '16:/usr/bin/ls']);
  });

  test('with a name that is there twice is refused: a kernel would take one or the other', () => {
    const twice = [...of(file('/etc/x', 'one')), ...of(file('/etc/x', 'two'))];
    expect(() => auditedDisk(printed([etc, ...twice]))).toThrow(UNREADABLE);
  });
});

test('what provisioners put and a rule looks into is asked for with its content', () => {
  const inText = ['at-least', 'docker-config', 'image-record', 'installer-log', 'openpgp-key', 'plan-summary'];
  const ofRules = new Set([...inText, 'runtime-mode', 'security-updates']);
  for (const name of ['cpu-bookworm-local', 'g3s-focal-us-east-2', 'g6-noble-us-east-2']) {
    const text = readFileSync(join(GOLDEN, name, 'expected-provisioned.txt'), 'utf8');
    const paths = [...text.matchAll(/ (\/\S+) by rule (\S+)/g)].flatMap(([, path = '', rule = '']) =>
      ofRules.has(rule) ? [path] : [],
    );
    expect(paths.filter((path) => !CONTENTS.some((each) => path.startsWith(each)))).toEqual([]);
  }
});
