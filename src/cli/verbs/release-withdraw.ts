import { assertImageId } from '../../image/image-store.ts';
import { userError } from '../../io/errors.ts';
import { everywhere, lookEverywhere, type Place } from '../../release/place.ts';
import { useText } from '../../release/usage.ts';
import { failuresOf, type Withdrawn, type WithdrawnImage, withdrawHere } from '../../release/withdraw.ts';
import { familyOf, lookAround, planWithdrawal, type Withdrawal } from '../../release/withdrawal.ts';
import { quietly, textOf } from '../arguments.ts';
import { canAsk, confirm, nobodyToAsk } from '../confirm.ts';
import { printResult } from '../json.ts';
import { onePerApi, regionNames, withPlaces } from '../release-regions.ts';
import { type Session, withSession } from '../session.ts';

/** What is to be done, before it is asked whether it shall be. */
function intentLines(work: readonly Withdrawal[]): string[] {
  return work.flatMap(({ place, images, retreats }) => [
    ...images.map(({ imageId, imageName }) => `${place.regionName}: withdraw ${imageId} ${imageName}`),
    ...retreats.map(({ pointer: { profile, channel, imageId }, release }) => {
      const to = release === null ? 'deleted, since nothing good came before' : `moved to ${release.imageId}`;
      return `${place.regionName}: pointer ${profile}/${channel} of ${imageId} is ${to}`;
    }),
  ]);
}

async function find(session: Session, places: readonly Place[], imageId: string): Promise<Withdrawal[]> {
  return session.span('look', async () => {
    const sights = await lookEverywhere(places, lookAround);
    const family = familyOf(imageId, sights);
    const byPlace = new Map(sights.map((sight) => [sight.place, sight]));
    const plans = await lookEverywhere(places, (place) => {
      const sight = byPlace.get(place) ?? { place, images: [], pointers: [] };
      return planWithdrawal(sight, family);
    });
    const concerned = plans.filter(({ images, retreats }) => images.length + retreats.length > 0);
    if (concerned.length > 0) return concerned;
    const regions = places.map(({ regionName }) => regionName).join(', ');
    throw userError(
      'IMAGE_UNKNOWN',
      `No image ${imageId} that ecs-host baked, and no copy of one, is in ${regions}.`,
      '`ecs-host image list` shows the images of a region; --region names others',
    );
  });
}

function imageLines({ imageId, imageName, unshared, deprecatedAt, uses }: WithdrawnImage): string[] {
  const shared = unshared.value ?? [];
  return [
    `  ${imageId} ${imageName}: withdrawn`,
    ...(shared.length > 0 ? [`    no longer shared with ${shared.join(', ')}`] : []),
    ...(deprecatedAt.value === null
      ? []
      : [`    deprecated from ${deprecatedAt.value.slice(0, 16).replace('T', ' ')} UTC`]),
    ...(uses.value ?? []).map((use) => `    still used by ${useText(use)}`),
    ...(uses.value?.length === 0 ? ['    used by nothing'] : []),
  ];
}

function regionLines({ region, pointers, images }: Withdrawn): string[] {
  return [
    region,
    ...pointers.flatMap(({ profile, channel, from, to, passedOver }) => [
      ...(to.error !== null
        ? []
        : [
            to.value === null
              ? `  ${profile}/${channel}: deleted, since nothing good came before ${from}; what resolves it launches nothing`
              : `  ${profile}/${channel}: ${from} -> ${to.value}`,
          ]),
      ...passedOver.map((each) => `    passed over ${each}`),
    ]),
    ...images.flatMap(imageLines),
  ];
}

async function carryOut(
  session: Session,
  work: readonly Withdrawal[],
  reason: string,
): Promise<{ readonly done: readonly Withdrawn[]; readonly failures: readonly string[] }> {
  const now = new Date();
  const answers = await session.span('withdraw', () => everywhere(work, (each) => withdrawHere(each, { reason, now })));
  const done = answers.flatMap(({ value }) => (value === null ? [] : [value]));
  const broken = answers.flatMap(({ place, error }) => (error === null ? [] : [`${place.regionName}: ${error}`]));
  const failures = [...broken, ...done.flatMap(failuresOf)];
  for (const text of failures)
    session.reporter.emit({
      type: 'warning',
      code: 'WITHDRAW_INCOMPLETE',
      text,
      hint: 'the same command does it again',
    });
  return { done, failures };
}

/** `ecs-host release withdraw IMAGE --reason TEXT`: the image and its copies, in all regions; asks first. */
export async function withdraw(argv: Record<string, unknown>): Promise<number> {
  const imageId = String(argv['image']);
  assertImageId(imageId);
  const reason = textOf(argv, 'reason') ?? '';
  const json = argv['json'] === true;
  const asks = argv['yes'] !== true;
  if (asks && !canAsk(json)) throw nobodyToAsk('Withdrawing an image');
  const result = await withSession(
    quietly(argv),
    (session) =>
      withPlaces(session, argv, regionNames(argv), async (places) => {
        const work = await find(session, onePerApi(places), imageId);
        if (asks) {
          process.stderr.write(`${intentLines(work).join('\n')}\n`);
          if (!(await confirm('Do this?', session.signal))) return null;
        }
        session.signal.throwIfAborted();
        return carryOut(session, work, reason);
      }),
    { keeps: true },
  );
  if (result === null) throw userError('NOT_CONFIRMED', 'Nothing was changed.', 'answer y, or give --yes');
  printResult(json, { type: 'withdrawal', imageId, reason, regions: result.done, failures: result.failures }, [
    ...result.done.flatMap(regionLines),
  ]);
  return result.failures.length > 0 ? 3 : 0;
}
