import { mkdir, readdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { userError } from '../io/errors.ts';
import { imagesFolder } from '../io/paths.ts';
import type { Reporter } from '../io/reporter.ts';
import { type ImageRecord, RECORD_VERSION } from './image-record.ts';

const IMAGE_ID = /^ami-[0-9a-z]+$/;

/** Where the record of an image is, whether or not there is one. */
export const recordPath = (imageId: string): string => join(imagesFolder(), `${imageId}.json`);

/** Writes the record whole or not at all. */
export const saveRecord = async (record: ImageRecord): Promise<string> => {
  const path = recordPath(record.imageId);
  await mkdir(imagesFolder(), { recursive: true });
  const temporary = `${path}.${process.pid}.new`;
  await writeFile(temporary, `${JSON.stringify(record, null, 2)}\n`);
  await rename(temporary, path);
  return path;
};

/** @returns why the content is no record of this version, or the record. */
const parseRecord = (text: string, imageId: string): ImageRecord | string => {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return 'it is not JSON';
  }
  if (typeof value !== 'object' || value === null) return 'it holds no object';
  const record = value as Partial<ImageRecord>;
  if (record.recordVersion !== RECORD_VERSION)
    return `its recordVersion is ${String(record.recordVersion)}, not ${RECORD_VERSION}`;
  if (record.imageId !== imageId) return `it is about ${String(record.imageId)}`;
  const texts = ['imageName', 'region', 'apiRegion', 'profile', 'planDigest', 'runId', 'createdAt'] as const;
  const missing = texts.filter((key) => typeof record[key] !== 'string');
  if (missing.length > 0) return `it lacks ${missing.join(', ')}`;
  if (!Array.isArray(record.snapshotIds) || !Array.isArray(record.bakeChecks)) return 'it lacks its lists';
  return value as ImageRecord;
};

/** @returns null when there is no record. A file that is there but no record is the user's to look at. */
export const readRecord = async (imageId: string): Promise<ImageRecord | null> => {
  if (!IMAGE_ID.test(imageId))
    throw userError('IMAGE_ID', `"${imageId}" is no image id.`, 'they look like ami-0123456789abcdef0');
  let text: string;
  try {
    text = await readFile(recordPath(imageId), 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
  const record = parseRecord(text, imageId);
  if (typeof record === 'string') {
    throw userError(
      'RECORD_UNREADABLE',
      `The record ${recordPath(imageId)} cannot be used: ${record}.`,
      'move it away, or bake again',
    );
  }
  return record;
};

/** All readable records, newest first. Files that are none are left alone and named in a warning. */
export const listRecords = async (reporter: Reporter): Promise<ImageRecord[]> => {
  let names: string[];
  try {
    names = await readdir(imagesFolder());
  } catch {
    return [];
  }
  const records: ImageRecord[] = [];
  for (const name of names.filter((entry) => entry.endsWith('.json')).sort()) {
    const path = join(imagesFolder(), name);
    const record = await readFile(path, 'utf8').then(
      (text) => parseRecord(text, name.slice(0, -'.json'.length)),
      (error: NodeJS.ErrnoException) => `it cannot be read (${error.code ?? error.message})`,
    );
    if (typeof record === 'string') {
      reporter.emit({ type: 'warning', code: 'RECORD_UNREADABLE', text: `${path} is passed over: ${record}.` });
    } else records.push(record);
  }
  return records.sort((a, b) => b.createdAt.localeCompare(a.createdAt));
};
