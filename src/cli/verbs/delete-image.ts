import { deleteImage, findImageRemains, type ImageRemains } from '../../image/delete-image.ts';
import type { ImageRecord } from '../../image/image-record.ts';
import { assertImageId, readRecord, removeRecord } from '../../image/image-store.ts';
import { EcsHostError, userError } from '../../io/errors.ts';
import { quietly } from '../arguments.ts';
import { canAsk, confirm, nobodyToAsk } from '../confirm.ts';
import { withConnection } from '../connect.ts';
import { printResult } from '../json.ts';
import { commonArguments, withSession } from '../session.ts';

/** A record that is damaged keeps nobody from deleting the image. */
async function usableRecord(imageId: string): Promise<ImageRecord | null> {
  return readRecord(imageId).catch((error: unknown) => {
    if (error instanceof EcsHostError && error.code === 'RECORD_UNREADABLE') return null;
    throw error;
  });
}

function question(remains: ImageRemains, region: string): string {
  const what = [`image ${remains.imageId} ${remains.imageName}`, ...remains.snapshotIds].join(', ');
  return `Delete ${what} in ${region}, and its record? This is final.`;
}

/** `ecs-host image delete <image>`: the image, its snapshots and its record. */
export async function remove(argv: Record<string, unknown>): Promise<number> {
  const args = commonArguments(argv);
  const imageId = String(argv['image']);
  assertImageId(imageId);
  const asks = argv['yes'] !== true;
  if (asks && !canAsk(args.json)) throw nobodyToAsk('Deleting an image');
  const done = await withSession(quietly(argv), (session) =>
    withConnection(session, args, async (connection) => {
      const remains = await findImageRemains(connection.clients, imageId, await usableRecord(imageId), connection);
      if (asks && !(await confirm(question(remains, args.region), session.signal))) return null;
      await deleteImage(connection.clients, remains);
      // Last, so that a deletion that failed half-way can be done again.
      return { ...remains, hadRecord: await removeRecord(imageId) };
    }),
  );
  if (done === null) throw userError('NOT_CONFIRMED', 'Nothing was deleted.', 'answer y, or give --yes');
  printResult(args.json, { type: 'deleted', ...done }, [
    `deleted   ${[...(done.isRegistered ? [done.imageId] : []), ...done.snapshotIds, ...(done.hadRecord ? ['its record'] : [])].join(', ')}`,
  ]);
  return 0;
}
