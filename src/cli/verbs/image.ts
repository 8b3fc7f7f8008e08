import { listRecords, requireRecord } from '../../image/image-store.ts';
import { listImages } from '../../image/list-images.ts';
import { explanationLines, explanationOf } from '../../inventory/explanation.ts';
import { formatDuration } from '../../io/duration.ts';
import { checkLine } from '../../io/reporters/check-line.ts';
import { tableLines } from '../../io/table.ts';
import { resultWidth } from '../../io/text.ts';
import { placementText } from '../../plan/fallback.ts';
import { quietly } from '../arguments.ts';
import { withConnection } from '../connect.ts';
import { printResult } from '../json.ts';
import { commonArguments, withSession } from '../session.ts';

/** `ecs-host image list`. */
export async function list(argv: Record<string, unknown>): Promise<number> {
  const args = commonArguments(argv);
  const images = await withSession(quietly(argv), (session) =>
    withConnection(session, args, async ({ clients, apiRegion, endpointUrl }) => {
      const { records, damaged } = await listRecords(session.reporter);
      // The lab's port may differ from day to day; what matters is whether it was the lab.
      const ofHere = records.filter(
        (record) => record.apiRegion === apiRegion && (record.endpointUrl === null) === (endpointUrl === null),
      );
      return listImages(clients, { records: ofHere, damaged }, apiRegion);
    }),
  );
  const rows = images.map((image) => [
    image.imageId,
    image.verdict,
    image.profile,
    image.createdAt.slice(0, 16).replace('T', ' '),
    image.state,
    image.imageName,
  ]);
  const head = ['image', 'verdict', 'profile', 'created (UTC)', 'state', 'name'];
  printResult(
    args.json,
    images,
    images.length === 0
      ? [`no images in ${args.region}; bake one with \`ecs-host ami\``]
      : tableLines(head, rows, resultWidth()),
  );
  return 0;
}

/** `ecs-host image show <image>`. Reads only the record and what is beside it, so it works without the region. */
export async function show(argv: Record<string, unknown>): Promise<number> {
  const imageId = String(argv['image']);
  const record = await requireRecord(imageId);
  const explained = await explanationOf(imageId);
  const pairs = (values: Readonly<Record<string, string>>): string[] =>
    Object.entries(values).map(([key, value]) => `  ${key.padEnd(18)}${value}`);
  printResult(argv['json'] === true, { ...record, explained }, [
    `${record.imageId} ${record.imageName}`,
    ...pairs({
      region: `${record.region} (API: ${record.apiRegion}${record.endpointUrl === null ? '' : `, ${record.endpointUrl}`})`,
      profile: record.profile,
      'plan digest': record.planDigest,
      'source image': record.sourceImageId,
      ...(record.copiedFrom === undefined
        ? {}
        : { 'copy of': `${record.copiedFrom.imageId} of ${record.copiedFrom.apiRegion}` }),
      commit: record.commit,
      run: record.runId,
      created: record.createdAt,
      'baked in': placementText(record.placement),
      verdict: record.smoke?.verdict ?? 'not-run',
      ...(record.smoke === null ? {} : { 'proven in': placementText(record.smoke.placement) }),
    }),
    ...explanationLines(explained).map((line) => `  ${line}`),
    'Versions',
    ...pairs(record.versions),
    ...(record.substitutions.length === 0
      ? []
      : [
          'Not from the official source',
          ...record.substitutions.map((each) => `  ${each.component}: ${each.source} (${each.reason})`),
        ]),
    'Stages',
    ...record.timings
      .filter((span) => span.name === span.stage)
      .map((span) => `  ${span.name.padEnd(18)}${formatDuration(span.durationMs)}`),
    'Checks in the bake',
    ...record.bakeChecks.map((check) => `  ${checkLine(check)}`),
    ...(record.smoke === null
      ? ['Not smoked']
      : [
          'Checks in smoke',
          ...record.smoke.checks.map((check) => `  ${checkLine(check)}`),
          ...record.smoke.evidence.map((file) => `  evidence: ${file}`),
        ]),
  ]);
  return 0;
}
