import type { AuditedDisk, AuditRequest, ManifestRequest, ScanRequest, TextRequest } from '#contracts/audit.ts';

type Fields = Readonly<Record<string, unknown>>;

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((each) => typeof each === 'string');
}

function isPlace(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 0;
}

/** In order, and none over another. */
function isRanges(value: unknown): value is readonly (readonly [number, number])[] {
  let end = 0;
  return (
    Array.isArray(value) &&
    value.every((range) => {
      if (!Array.isArray(range) || range.length !== 2 || !range.every(isPlace)) return false;
      const [from, to] = range as [number, number];
      const isInOrder = from >= end && to >= from;
      end = to;
      return isInOrder;
    })
  );
}

function diskOf(value: unknown): AuditedDisk {
  if (value === 'own root') return value;
  if (isFields(value) && typeof value['volumeId'] === 'string' && typeof value['deviceName'] === 'string')
    return { volumeId: value['volumeId'], deviceName: value['deviceName'] };
  throw new Error("the request has no disk: { volumeId, deviceName } or 'own root'");
}

function manifestRequest({ disk, contents, archives = [], memberContents = [] }: Fields): ManifestRequest {
  if (!isTexts(contents)) throw new Error('the request has no list of contents');
  if (!isTexts(archives)) throw new Error('the archives of the request are no list of paths');
  if (!isTexts(memberContents)) throw new Error('the memberContents of the request are no list of paths');
  return { action: 'manifest', disk: diskOf(disk), contents, archives, memberContents };
}

function scanRequest({ disk, files, freeSpace, data }: Fields): ScanRequest {
  if (!isTexts(files) || typeof freeSpace !== 'boolean') throw new Error('the request has no files or freeSpace');
  if (data !== null && !isRanges(data)) throw new Error('the data of the request are no ranges in order');
  return { action: 'scan', disk: diskOf(disk), files, freeSpace, data };
}

function textRequest({ name, text }: Fields): TextRequest {
  if (typeof name !== 'string' || typeof text !== 'string') throw new Error('the request has no name or text');
  return { action: 'text', name, text };
}

/** @throws Error when it is none */
export function parseRequest(text: string): AuditRequest {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new Error('the request is no JSON');
  }
  if (!isFields(value)) throw new Error('the request is no object');
  const { action } = value;
  if (action === 'manifest') return manifestRequest(value);
  if (action === 'scan') return scanRequest(value);
  if (action === 'text') return textRequest(value);
  throw new Error(`the request has an unknown action: ${JSON.stringify(action)}`);
}
