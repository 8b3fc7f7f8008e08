import type { Since } from '../image/since.ts';
import type { Standing } from '../image/standing.ts';
import type { Change } from '../plan/inputs.ts';

/** `2026-11-26 22:10 UTC`. */
export function minuteText(instant: string): string {
  return `${instant.slice(0, 16).replace('T', ' ')} UTC`;
}

/** Whether there is anything to bake: a line of `plan`. */
export function standingLine(standing: Standing | null): string {
  const label = 'Image there'.padEnd(20);
  if (standing === null) return `${label}none with this digest that passed; \`ecs-host ami\` bakes`;
  const { imageId, verdict, since } = standing;
  const does = verdict === 'passed' ? 'it passed, and `ecs-host ami` bakes nothing' : '`ecs-host ami` only proves it';
  return `${label}${imageId} of ${minuteText(since)} has this digest: ${does}`;
}

function changeText({ name, before, after }: Change): string {
  if (before === null) return `  ${name}: new (${after})`;
  return after === null ? `  ${name}: gone (was ${before})` : `  ${name}: ${before} → ${after}`;
}

/** What changed since an image, in words. */
export function sinceLines(since: Since | null, profile: string): string[] {
  if (since === null) return [`Nothing to compare with: no image of profile ${profile} has passed in this region`];
  const { imageId, createdAt, isSame, comparedBy, changed } = since;
  const image = createdAt === '' ? imageId : `${imageId} of ${minuteText(createdAt)}`;
  if (isSame) return [`Nothing changed since ${image}`];
  const isPartial = comparedBy === 'versions';
  return [
    `Changed since ${image}`,
    ...changed.map(changeText),
    ...(isPartial ? ['  its digest is another; it did not keep its inputs, so that more may have changed'] : []),
  ];
}
