import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { listRecords, readRecord, recordPath, removeRecord, saveRecord } from '../../src/image/image-store.ts';
import type { Message, Reporter } from '../../src/io/reporter.ts';
import { aRecord } from '../fixtures/image-record.ts';
import { tempFolder } from '../support/temp-folder.ts';

let folder: string;
let messages: Message[];
const reporter: Reporter = { emit: (message) => messages.push(message), close: async () => {} };

beforeEach(() => {
  folder = tempFolder();
  messages = [];
  vi.stubEnv('ECS_HOST_STATE', folder);
});
afterEach(() => {
  vi.unstubAllEnvs();
});

describe('the record store', () => {
  test('gives back what was saved, and leaves no temporary file', async () => {
    const record = aRecord('ami-0aa');
    expect(await saveRecord(record)).toBe(recordPath('ami-0aa'));
    expect(await readRecord('ami-0aa')).toEqual(record);
    expect(await readdir(join(folder, 'images'))).toEqual(['ami-0aa.json']);
  });

  test('knows no record of an unknown image, and refuses what is no image id', async () => {
    expect(await readRecord('ami-0bb')).toBeNull();
    await expect(readRecord('../../etc/passwd')).rejects.toMatchObject({ kind: 'user', code: 'IMAGE_ID' });
  });

  test('knows what an image is a copy of', async () => {
    const copiedFrom = { imageId: 'ami-1', apiRegion: 'us-west-2' };
    await saveRecord({ ...aRecord('ami-0c0b1e'), copiedFrom });
    expect((await readRecord('ami-0c0b1e'))?.copiedFrom).toEqual(copiedFrom);
    await saveRecord({ ...aRecord('ami-0c0b1e'), copiedFrom: { imageId: 'ami-1' } as typeof copiedFrom });
    await expect(readRecord('ami-0c0b1e')).rejects.toMatchObject({ code: 'RECORD_UNREADABLE' });
  });

  test('lists the newest first', async () => {
    await saveRecord({ ...aRecord('ami-0aa'), createdAt: '2026-11-01T00:00:00.000Z' });
    await saveRecord({ ...aRecord('ami-0bb'), createdAt: '2026-11-02T00:00:00.000Z' });
    expect((await listRecords(reporter)).records.map(({ imageId }) => imageId)).toEqual(['ami-0bb', 'ami-0aa']);
    expect(messages).toEqual([]);
  });

  test.each<[string, string, string]>([
    ['torn', '{"recordVersion":2,"ima', 'it is not JSON'],
    [
      'of another version',
      JSON.stringify({ ...aRecord('ami-0cc'), recordVersion: 5 }),
      'its recordVersion is 5, not 4',
    ],
    ['about another image', JSON.stringify(aRecord('ami-0dd')), 'it is about ami-0dd'],
    ['not an object', '[1]', 'it holds no object'],
    ['incomplete', JSON.stringify({ recordVersion: 2, imageId: 'ami-0cc' }), 'it lacks imageName'],
    ['without timings', JSON.stringify({ ...aRecord('ami-0cc'), timings: undefined }), 'it lacks timings'],
    ['without versions', JSON.stringify({ ...aRecord('ami-0cc'), versions: undefined }), 'it lacks versions'],
    ['without substitutions', JSON.stringify({ ...aRecord('ami-0cc'), substitutions: null }), 'its substitutions is'],
    ['with a check that is null', JSON.stringify({ ...aRecord('ami-0cc'), bakeChecks: [null] }), 'its bakeChecks.0 is'],
    ['smoked without evidence', JSON.stringify({ ...aRecord('ami-0cc'), smoke: {} }), 'it lacks smoke.verdict'],
  ])('names a file as damaged that is %s, with a warning, and refuses to show it', async (_, content, reason) => {
    await mkdir(join(folder, 'images'));
    await writeFile(recordPath('ami-0cc'), content);
    await saveRecord(aRecord('ami-0aa'));
    expect((await listRecords(reporter)).records.map(({ imageId }) => imageId)).toEqual(['ami-0aa']);
    expect((await listRecords({ emit: () => {}, close: async () => {} })).damaged).toEqual(['ami-0cc']);
    expect(messages).toHaveLength(1);
    expect(messages[0]).toMatchObject({ type: 'warning', code: 'RECORD_DAMAGED' });
    expect(JSON.stringify(messages[0])).toContain(reason);
    await expect(readRecord('ami-0cc')).rejects.toMatchObject({ kind: 'user', code: 'RECORD_UNREADABLE' });
  });

  test('a record of version 2 is read as one that does not know where it was made', async () => {
    const smoke = {
      ...{ verdict: 'passed' as const, runId: 'r-1', finishedAt: '2026-11-23T13:00:00.000Z' },
      ...{ instanceIds: ['i-1'], checks: [], evidence: [] },
    };
    const { placement: _, ...old } = { ...aRecord('ami-0cc'), recordVersion: 2, smoke };
    await mkdir(join(folder, 'images'));
    await writeFile(recordPath('ami-0cc'), JSON.stringify(old));
    expect(await readRecord('ami-0cc')).toEqual({
      ...aRecord('ami-0cc'),
      placement: null,
      smoke: { ...smoke, placement: null },
    });
  });

  test('a record of version 3 is read as one that does not know what determined the image', async () => {
    const { inputs: _, ...old } = { ...aRecord('ami-0cc'), recordVersion: 3 };
    await mkdir(join(folder, 'images'));
    await writeFile(recordPath('ami-0cc'), JSON.stringify(old));
    expect(await readRecord('ami-0cc')).toEqual({ ...aRecord('ami-0cc'), inputs: null });
  });

  test('a folder in place of a record is damage', async () => {
    await mkdir(recordPath('ami-0cc'), { recursive: true });
    await expect(readRecord('ami-0cc')).rejects.toMatchObject({ kind: 'user', code: 'RECORD_UNREADABLE' });
    expect((await listRecords(reporter)).damaged).toEqual(['ami-0cc']);
    expect(await removeRecord('ami-0cc')).toBe(true);
    expect(await removeRecord('ami-0cc')).toBe(false);
  });

  test('an empty state folder has no images', async () => {
    expect(await listRecords(reporter)).toEqual({ records: [], damaged: [] });
  });
});
