import { createPublicKey, type KeyObject } from 'node:crypto';
import { type Check, isFailed } from '#contracts/check.ts';
import { requireRecord } from '../../image/image-store.ts';
import { signingKey, verifyingKey } from '../../inventory/signature.ts';
import { verifyImage } from '../../inventory/verify-image.ts';
import { EcsHostError } from '../../io/errors.ts';
import { checkLine } from '../../io/reporters/check-line.ts';
import { quietly, textOf } from '../arguments.ts';
import { withConnection } from '../connect.ts';
import { printResult } from '../json.ts';
import { commonArguments, withSession } from '../session.ts';

/** Whose signature is expected: --key, else that of the key which signs here. */
async function expectedKey(argv: Record<string, unknown>): Promise<KeyObject | null> {
  const file = textOf(argv, 'key');
  if (file !== null) return verifyingKey(file);
  const own = await signingKey();
  return own === null ? null : createPublicKey(own);
}

function unverified(imageId: string, checks: readonly Check[]): EcsHostError {
  return new EcsHostError('verdict', 'IMAGE_UNVERIFIED', `Image ${imageId} is not what it should be.`, {
    details: checks.map(({ id, expected, actual }) => ({ key: id, reason: `expected ${expected}, found ${actual}` })),
  });
}

/** `ecs-host image verify <image>`: in the region of its record, unless another is named. */
export async function verify(argv: Record<string, unknown>): Promise<number> {
  const imageId = String(argv['image']);
  const record = await requireRecord(imageId);
  const key = await expectedKey(argv);
  const args = { ...commonArguments(argv), region: textOf(argv, 'region') ?? record.region };
  const checks = await withSession(quietly(argv), (session) =>
    withConnection(session, args, ({ clients }) => verifyImage(clients, record, key)),
  );
  const failed = checks.filter(isFailed);
  printResult(args.json, { imageId, correct: failed.length === 0, checks }, checks.map(checkLine));
  if (failed.length > 0) throw unverified(imageId, failed);
  return 0;
}
