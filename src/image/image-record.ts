import type { Check } from '#contracts/check.ts';
import type { PlacementLog } from '../plan/fallback.ts';
import type { Inputs } from '../plan/inputs.ts';
import type { Span, StepTime } from '../run/span.ts';

export const RECORD_VERSION = 4;

export type Verdict = 'passed' | 'failed' | 'not-run';

export type LayersOfImage = {
  readonly slow: { readonly digest: string; readonly imageId: string };
  readonly fast: { readonly digest: string };
};

/** images/<imageId>.json under the state folder: the machine-readable memory of one baked image. */
export type ImageRecord = {
  readonly recordVersion: typeof RECORD_VERSION;
  readonly imageId: string;
  readonly imageName: string;
  readonly snapshotIds: readonly string[];
  readonly region: string;
  readonly apiRegion: string;
  /** null means AWS itself; kept so that `image list` can tell lab images from real ones. */
  readonly endpointUrl: string | null;
  readonly profile: string;
  readonly planDigest: string;
  readonly planName: string;
  /** What determined the image, by name; null in what an earlier version wrote. */
  readonly inputs: Inputs | null;
  readonly runId: string;
  readonly commit: string;
  readonly sourceImageId: string;
  /** On a copy: the image that was baked. Everything about the bake is about that one. */
  readonly copiedFrom?: { readonly imageId: string; readonly apiRegion: string };
  readonly createdAt: string;
  /** What it was baked in; null, or missing in what an earlier version wrote, where it was baked whole. */
  readonly layers?: LayersOfImage | null;
  /** Where it was baked; null in what an earlier version wrote. */
  readonly placement: PlacementLog | null;
  readonly versions: Readonly<Record<string, string>>;
  readonly substitutions: readonly { readonly component: string; readonly source: string; readonly reason: string }[];
  /** Spans in the order in which they ended. */
  readonly timings: readonly Span[];
  /** When the provisioners' steps were at work; missing in what an earlier version wrote. */
  readonly steps?: readonly StepTime[];
  readonly bakeChecks: readonly Check[];
  readonly smoke: null | {
    readonly verdict: Verdict;
    readonly runId: string;
    readonly finishedAt: string;
    readonly instanceIds: readonly string[];
    readonly placement: PlacementLog | null;
    readonly checks: readonly Check[];
    /** Files kept for a failed verdict (console log, journal), absolute. */
    readonly evidence: readonly string[];
  };
};
