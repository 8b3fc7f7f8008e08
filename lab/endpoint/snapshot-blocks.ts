import { createHash } from 'node:crypto';
import { BLOCK_BYTES, type Disks } from '../machine-types.ts';
import type { MotoClient } from '../moto/client.ts';
import type { Answer } from './aws-answer.ts';
import { jsonAnswer } from './aws-answer.ts';
import type { AwsRequest } from './aws-request.ts';
import type { ServiceHandler } from './handler.ts';

/** What lab/moto/control.py knows of a snapshot. */
type SnapshotFacts = { readonly disk: string; readonly state: string; readonly sizeGiB: number };

const WHOLE_PAGE = 10_000;
const TOKENS_LAST_MS = 7 * 24 * 3600 * 1000;

function refusal(status: number, code: string, reason: string, message: string): Answer {
  const answer = jsonAnswer(status, { Message: message, Reason: reason, __type: code });
  return { ...answer, headers: { ...answer.headers, 'x-amzn-errortype': code } };
}

function sha256(content: string | Buffer): string {
  return createHash('sha256').update(content).digest('base64');
}

/** Good for one block of one snapshot. */
function tokenOf(snapshotId: string, index: number): string {
  return sha256(`${snapshotId} ${index}`);
}

/** What a page of a list begins with, or null: it is no token of this list. */
function pageStart({ NextToken, StartingBlockIndex }: AwsRequest['parameters']): number | null {
  if (NextToken === undefined) return Number(StartingBlockIndex ?? 0);
  const text = Buffer.from(NextToken, 'base64').toString('utf8');
  return /^\d+$/.test(text) ? Number(text) : null;
}

/** One page of a list of blocks in ascending order. */
function pageAnswer(
  call: AwsRequest,
  { sizeGiB }: SnapshotFacts,
  all: readonly number[],
  list: (page: readonly number[]) => object,
): Answer {
  const start = pageStart(call.parameters);
  if (start === null) return refusal(400, 'ValidationException', 'INVALID_PAGE_TOKEN', 'The page token is not valid.');
  const rest = all.filter((index) => index >= start);
  const page = rest.slice(0, Number(call.parameters['MaxResults'] ?? WHOLE_PAGE));
  const next = rest[page.length];
  return jsonAnswer(200, {
    ...list(page),
    BlockSize: BLOCK_BYTES,
    VolumeSize: sizeGiB,
    ExpiryTime: (Date.now() + TOKENS_LAST_MS) / 1000,
    ...(next === undefined ? {} : { NextToken: Buffer.from(String(next)).toString('base64') }),
  });
}

/** Blocks of the lab's disks, read as EBS's direct APIs read those of snapshots. */
export function createSnapshotBlocks(disks: Disks): ServiceHandler {
  const completed = async (moto: MotoClient, region: string, snapshotId: string): Promise<SnapshotFacts | Answer> => {
    const facts = await moto.control<SnapshotFacts | null>('snapshot-facts', { region, snapshotId });
    if (facts === null || facts.state === undefined)
      return refusal(404, 'ResourceNotFoundException', 'SNAPSHOT_NOT_FOUND', `There is no snapshot ${snapshotId}.`);
    if (facts.state !== 'completed')
      return refusal(400, 'ValidationException', 'INVALID_SNAPSHOT_ID', `${snapshotId} is ${facts.state}.`);
    return facts;
  };

  const getBlock = async ({ parameters }: AwsRequest, { disk, sizeGiB }: SnapshotFacts): Promise<Answer> => {
    const { SnapshotId = '', BlockToken = '' } = parameters;
    const index = Number(parameters['BlockIndex']);
    if (BlockToken !== tokenOf(SnapshotId, index))
      return refusal(400, 'ValidationException', 'INVALID_BLOCK_TOKEN', 'The block token is not valid.');
    if (index * BLOCK_BYTES >= sizeGiB * 1024 ** 3)
      return refusal(400, 'ValidationException', 'INVALID_BLOCK', `There is no block ${index}.`);
    const body = await disks.readBlock(disk, index);
    return {
      status: 200,
      headers: {
        'content-type': 'application/octet-stream',
        'x-amz-data-length': String(body.length),
        'x-amz-checksum': sha256(body),
        'x-amz-checksum-algorithm': 'SHA256',
      },
      body,
    };
  };

  const changed = async (first: SnapshotFacts | null, second: SnapshotFacts): Promise<number[]> => {
    const now = await disks.dataBlocks(second.disk);
    if (first === null) return [...now];
    const both = [...new Set([...now, ...(await disks.dataBlocks(first.disk))])].sort((a, b) => a - b);
    const differs = async (index: number): Promise<boolean> =>
      !(await disks.readBlock(first.disk, index)).equals(await disks.readBlock(second.disk, index));
    const found: number[] = [];
    for (const index of both) if (await differs(index)) found.push(index);
    return found;
  };

  const listChanged = async (call: AwsRequest, second: SnapshotFacts, moto: MotoClient): Promise<Answer> => {
    const { FirstSnapshotId: firstId, SecondSnapshotId: secondId = '' } = call.parameters;
    const first = firstId === undefined ? null : await completed(moto, call.region, firstId);
    if (first !== null && 'status' in first) return first;
    return pageAnswer(call, second, await changed(first, second), (page) => ({
      ChangedBlocks: page.map((BlockIndex) => ({
        BlockIndex,
        ...(firstId === undefined ? {} : { FirstBlockToken: tokenOf(firstId, BlockIndex) }),
        SecondBlockToken: tokenOf(secondId, BlockIndex),
      })),
    }));
  };

  return async (call, _request, moto) => {
    const { SnapshotId, SecondSnapshotId } = call.parameters;
    const id = SnapshotId ?? SecondSnapshotId;
    // What writes blocks is refused before (unsupported.ts), and nothing else has a snapshot.
    if (id === undefined) return null;
    const facts = await completed(moto, call.region, id);
    if ('status' in facts) return facts;
    if (call.action === 'GetSnapshotBlock') return getBlock(call, facts);
    if (call.action === 'ListChangedBlocks') return listChanged(call, facts, moto);
    return pageAnswer(call, facts, await disks.dataBlocks(facts.disk), (page) => ({
      Blocks: page.map((BlockIndex) => ({ BlockIndex, BlockToken: tokenOf(id, BlockIndex) })),
    }));
  };
}
