import type { ImageRecord } from '../../src/image/image-record.ts';

/** A complete record, for tests to vary. */
export function aRecord(imageId: string): ImageRecord {
  return {
    recordVersion: 2,
    imageId,
    imageName: 'cpu-bookworm-0123456789ab',
    snapshotIds: ['snap-1'],
    region: 'local',
    apiRegion: 'us-west-2',
    endpointUrl: 'http://127.0.0.1:4599',
    profile: 'cpu-bookworm',
    planDigest: '0123456789abcdef',
    planName: 'cpu-bookworm-0123456789ab',
    runId: 'r-20261123120000-abcdef',
    commit: 'abc1234',
    sourceImageId: 'ami-base',
    createdAt: '2026-11-23T12:00:00.000Z',
    versions: { docker: '20.10.24+dfsg1-1' },
    substitutions: [],
    timings: [],
    bakeChecks: [],
    smoke: null,
  };
}
