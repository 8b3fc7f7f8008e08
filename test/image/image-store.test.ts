import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { ImageRecord } from '../../src/image/image-record.ts';
import { listRecords, readRecord, recordPath, saveRecord } from '../../src/image/image-store.ts';
import type { Message, Reporter } from '../../src/io/reporter.ts';
import { aRecord } from './a-record.ts';

let folder: string;
let messages: Message[];
const reporter: Reporter = { emit: (message) => messages.push(message), close: async () => {} };

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ecs-host-test-'));
  messages = [];
  vi.stubEnv('ECS_HOST_STATE', folder);
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(folder, { recursive: true });
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

  test('lists the newest first', async () => {
    await saveRecord({ ...aRecord('ami-0aa'), createdAt: '2026-11-01T00:00:00.000Z' });
    await saveRecord({ ...aRecord('ami-0bb'), createdAt: '2026-11-02T00:00:00.000Z' });
    expect((await listRecords(reporter)).map(({ imageId }) => imageId)).toEqual(['ami-0bb', 'ami-0aa']);
    expect(messages).toEqual([]);
  });

  test.each<[string, string, string]>([
    ['torn', '{"recordVersion":1,"ima', 'it is not JSON'],
    [
      'of another version',
      JSON.stringify({ ...aRecord('ami-0cc'), recordVersion: 2 }),
      'its recordVersion is 2, not 1',
    ],
    ['about another image', JSON.stringify(aRecord('ami-0dd')), 'it is about ami-0dd'],
    ['not an object', '[1]', 'its recordVersion is undefined, not 1'],
    ['incomplete', JSON.stringify({ recordVersion: 1, imageId: 'ami-0cc' }), 'it lacks imageName'],
  ])('passes a file over that is %s, with a warning, and refuses to show it', async (_, content, reason) => {
    await mkdir(join(folder, 'images'));
    await writeFile(recordPath('ami-0cc'), content);
    await saveRecord(aRecord('ami-0aa'));
    expect((await listRecords(reporter)).map(({ imageId }) => imageId)).toEqual(['ami-0aa']);
    expect(messages).toHaveLength(1);
    expect(messages[0]).toMatchObject({ type: 'warning', code: 'RECORD_UNREADABLE' });
    expect(JSON.stringify(messages[0])).toContain(reason);
    await expect(readRecord('ami-0cc')).rejects.toMatchObject({ kind: 'user', code: 'RECORD_UNREADABLE' });
  });

  test('an empty state folder has no images', async () => {
    expect(await listRecords(reporter)).toEqual([] satisfies ImageRecord[]);
  });
});
