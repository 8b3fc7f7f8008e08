import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { userError } from '../io/errors.ts';
import { imagesFolder } from '../io/paths.ts';
import type { Reporter } from '../io/reporter.ts';
import { writeWhole } from '../io/write-whole.ts';
import { BESIDE, type Beside, besidePath, isBeside } from './beside.ts';
import type { ImageRecord } from './image-record.ts';
import { parseRecord } from './parse-record.ts';

const IMAGE_ID = /^ami-[0-9a-z]+$/;

/** Where the record of an image is, whether or not there is one. */
export function recordPath(imageId: string): string {
  return join(imagesFolder(), `${imageId}.json`);
}

/** Writes the record whole or not at all. */
export async function saveRecord(record: ImageRecord): Promise<string> {
  const path = recordPath(record.imageId);
  await writeWhole(path, `${JSON.stringify(record, null, 2)}\n`);
  return path;
}

/** @throws EcsHostError `IMAGE_ID` (user) before anything is started for an id that cannot be one */
export function assertImageId(imageId: string): void {
  if (!IMAGE_ID.test(imageId))
    throw userError('IMAGE_ID', `"${imageId}" is no image id.`, 'they look like ami-0123456789abcdef0');
}

/** The record, null when there is none, or why the file cannot be used. */
async function readOne(imageId: string): Promise<ImageRecord | string | null> {
  try {
    return parseRecord(await readFile(recordPath(imageId), 'utf8'), imageId);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    return code === 'ENOENT' ? null : `it cannot be read (${code ?? message})`;
  }
}

/** @returns null when there is no record. A file that is there but no record is the user's to look at. */
export async function readRecord(imageId: string): Promise<ImageRecord | null> {
  assertImageId(imageId);
  const record = await readOne(imageId);
  if (typeof record === 'string') {
    throw userError(
      'RECORD_UNREADABLE',
      `The record ${recordPath(imageId)} cannot be used: ${record}.`,
      'move it away, or bake again',
    );
  }
  return record;
}

/** The record of an image that the API named; a file that is there but no record is told apart, not refused. */
export async function recordOf(imageId: string): Promise<ImageRecord | 'damaged' | null> {
  const record = await readOne(imageId);
  return typeof record === 'string' ? 'damaged' : record;
}

/** @throws EcsHostError (user) `RECORD_NOT_FOUND`, `RECORD_UNREADABLE`, `IMAGE_ID` */
export async function requireRecord(imageId: string): Promise<ImageRecord> {
  const record = await readRecord(imageId);
  if (record !== null) return record;
  throw userError(
    'RECORD_NOT_FOUND',
    `There is no record of ${imageId} here.`,
    '`ecs-host image list` shows the images of a region',
  );
}

export type StoredRecords = {
  /** Newest first. */
  readonly records: readonly ImageRecord[];
  /** Ids of the images whose record is there and cannot be used. */
  readonly damaged: readonly string[];
};

/** All records. Files that are none are left alone and named in a warning. */
export async function listRecords(reporter: Reporter): Promise<StoredRecords> {
  let names: string[];
  try {
    names = await readdir(imagesFolder());
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return { records: [], damaged: [] };
    throw error;
  }
  const records: ImageRecord[] = [];
  const damaged: string[] = [];
  for (const name of names.filter((entry) => entry.endsWith('.json') && !isBeside(entry)).sort()) {
    const imageId = name.slice(0, -'.json'.length);
    const record = await readOne(imageId);
    if (typeof record === 'string') {
      const text = `The record ${join(imagesFolder(), name)} cannot be used: ${record}.`;
      reporter.emit({ type: 'warning', code: 'RECORD_DAMAGED', text });
      damaged.push(imageId);
    } else if (record) records.push(record);
  }
  return { records: records.sort((a, b) => b.createdAt.localeCompare(a.createdAt)), damaged };
}

/** Forgets an image, with what explains it. @returns whether there was a record to forget */
export async function removeRecord(imageId: string): Promise<boolean> {
  assertImageId(imageId);
  for (const what of Object.keys(BESIDE) as Beside[])
    await rm(besidePath(imageId, what), { recursive: true, force: true });
  try {
    await rm(recordPath(imageId), { recursive: true });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw error;
  }
}
