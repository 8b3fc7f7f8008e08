import { appendFile, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { createLog } from '../../hostd/log.ts';
import { parseEntry, StartRecord } from '../../hostd/record.ts';
import { tempFolder } from '../support/temp-folder.ts';

let folder: string;
let lines: string[];
beforeEach(() => {
  folder = tempFolder();
  lines = [];
});

function open(): StartRecord {
  return new StartRecord(
    createLog((line) => lines.push(line)),
    folder,
  );
}
function witness(name: string): Promise<void> {
  return writeFile(join(folder, 'new', name), '');
}
async function read(file = 'record.ndjson'): Promise<Record<string, unknown>[]> {
  return (await readFile(join(folder, file), 'utf8'))
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}

test.each([
  [`${'a'.repeat(64)}.123.45`, { id: 'a'.repeat(64), startedCs: 123, pid: 45 }],
  ['my.container-1.99.7', { id: 'my.container-1', startedCs: 99, pid: 7 }],
  ['.123.45', null],
  ['a.b', null],
  ['a.1.2\n', null],
  ['../x.1.2', null],
])('the name %j of an entry', (name, expected) => {
  expect(parseEntry(name)).toEqual(expected);
});

test('takes each start once, oldest first, and numbers them', async () => {
  const record = open();
  await witness('b.200.1');
  await witness('a.100.2');
  expect(record.takeIn().map(({ id }) => id)).toEqual(['a', 'b']);
  expect(record.takeIn()).toEqual([]);
  await witness('a.300.3');
  expect(record.takeIn().map(({ id }) => id)).toEqual(['a']);
  expect((await read()).map(({ n, id }) => [n, id])).toEqual([
    [1, 'a'],
    [2, 'b'],
    [3, 'a'],
  ]);
  expect(record.count).toBe(3);
});

test('a service that was killed between the line and the entry knows the start', async () => {
  const first = open();
  await witness('a.100.2');
  first.takeIn();
  await witness('a.100.2');
  const second = open();
  expect(second.takeIn()).toEqual([]);
  expect(second.count).toBe(1);
  expect(await readdir(join(folder, 'new'))).toEqual([]);
});

describe('what is damaged is put aside and said, and is no crash loop', () => {
  test.each(['{}', '{"id":"a"}', 'null', '[]', '{"n":"1","id":"a","startedCs":1,"pid":1,"takenCs":1}', '\0\0\0'])(
    'a line %j',
    async (line) => {
      const first = open();
      await witness('a.100.2');
      first.takeIn();
      await appendFile(join(folder, 'record.ndjson'), `${line}\n`);
      const second = open();
      expect(second.count).toBe(1);
      expect(lines.filter((each) => each.includes('put aside'))).toHaveLength(1);
      expect(await readFile(join(folder, 'record.damaged'), 'utf8')).toBe(`${line}\n`);
      await witness('b.100.3');
      second.takeIn();
      expect(open().count).toBe(2);
    },
  );

  test('a last line that a kill cut off swallows nothing', async () => {
    const first = open();
    await witness('a.100.2');
    first.takeIn();
    await appendFile(join(folder, 'record.ndjson'), '{"n":2,"id":"b');
    const second = open();
    await witness('c.100.3');
    second.takeIn();
    expect(open().count).toBe(2);
  });

  test('a file that is no file, or too large', async () => {
    await mkdir(join(folder, 'record.ndjson'), { recursive: true });
    const record = open();
    await witness('a.100.2');
    record.takeIn();
    expect(record.count).toBe(1);
    await writeFile(join(folder, 'record.ndjson'), 'x'.repeat(5 * 1024 * 1024));
    expect(open().count).toBe(0);
  });

  test('entries that the witness does not make', async () => {
    const record = open();
    await witness('nonsense');
    await mkdir(join(folder, 'new', 'a.1.1x'));
    await witness('a.100.2');
    expect(record.takeIn()).toHaveLength(1);
    expect(await readdir(join(folder, 'new'))).toEqual([]);
    expect(lines.filter((each) => each.includes('no start of a container'))).toHaveLength(2);
  });
});

test('is bounded: two segments, and the count goes on', async () => {
  const record = new StartRecord(
    createLog(() => undefined),
    folder,
    40,
  );
  for (let round = 0; round < 5; round += 1) {
    await Promise.all(Array.from({ length: 25 }, (_, index) => witness(`c${index}.${round + 1}.${index + 1}`)));
    record.takeIn();
  }
  expect(record.count).toBe(125);
  expect((await read()).length + (await read('record.1.ndjson')).length).toBeLessThanOrEqual(80);
  expect((await read()).at(-1)).toMatchObject({ n: 125 });
  expect((await readdir(folder)).toSorted()).toEqual(['new', 'record.1.ndjson', 'record.ndjson']);
  expect(open().count).toBe(125);
});
