import { onHost } from '#contracts/host-paths.ts';
import { installedVersion } from '../lib/apt.ts';
import type { Concern, Context } from '../lib/context.ts';
import { dockerPackages } from '../lib/docker-config.ts';
import { sha256Of } from '../lib/download.ts';
import { modeOf, putFile, readText } from '../lib/files.ts';
import { osReleaseValue } from '../lib/os-release.ts';
import { readUpdates, type Updated } from '../lib/security-updates.ts';
import { ask } from '../lib/tool.ts';
import { awsCliVersion } from './user-tools.ts';

/** What the image says about itself, on itself. */
export type ImageOnHost = {
  readonly version: 1;
  readonly profile: string;
  /** Of the plan; null when the files were carried without one. */
  readonly planName: string | null;
  readonly planDigest: string | null;
  readonly sourceImage: unknown;
  readonly substitutions: unknown;
  readonly bakedAt: string;
  readonly versions: Readonly<Record<string, string>>;
  /** Null when none were asked for. */
  readonly securityUpdates: readonly Updated[] | null;
};

const IMAGE = onHost('image.json');
const PLAN = onHost('plan-summary.json');

function firstMatch(text: string, pattern: RegExp): string | null {
  return pattern.exec(text)?.[1] ?? null;
}

/** Name of every component to the way of asking for its version. Null is "not on this image". */
async function collect({ target }: Context): Promise<Record<string, string>> {
  const said = async (
    command: Promise<{ exitCode: number | null; stdout: string }>,
    pattern: RegExp,
  ): Promise<string | null> => {
    const { exitCode, stdout } = await command;
    return exitCode === 0 ? firstMatch(stdout, pattern) : null;
  };
  const packages = async (...names: string[]): Promise<string | null> => {
    for (const name of names) {
      const version = await installedVersion(name);
      if (version !== null) return version;
    }
    return null;
  };
  const agentPackage = await said(ask`dpkg-query --search /lib/systemd/system/ecs.service`, /^([^:]+):/);
  const found = await Promise.all(
    Object.entries({
      os: readText('/etc/os-release').then((text) => osReleaseValue(text ?? '', 'PRETTY_NAME')),
      'security-updates': readUpdates().then((all) => (all === null ? null : `${all.length} packages`)),
      kernel: said(ask`uname --kernel-release`, /(\S+)/),
      docker: packages(dockerPackages(target.docker.source).main),
      containerd: packages('containerd.io', 'containerd'),
      runc: packages('containerd.io', 'runc'),
      'ecs-agent': agentPackage === null ? null : packages(agentPackage),
      'ecs-agent-package': agentPackage,
      'host-service': sha256Of(target.hostService.entry).then((sum) => `sha256:${sum.slice(0, 16)}`),
      node: process.version.slice(1),
      'aws-cli': awsCliVersion(),
      rclone: said(ask`rclone version`, /^rclone v(\S+)/),
      jq: said(ask`jq --version`, /^jq-(\S+)/),
      git: said(ask`git --version`, /(\d\S*)/),
      'nvidia-driver': target.nvidia === null ? null : said(ask`modinfo --field version nvidia`, /(\S+)/),
      'nvidia-container-toolkit': packages('nvidia-container-toolkit'),
    } satisfies Record<string, Promise<string | null> | string | null>).map(
      async ([name, version]) => [name, await version] as const,
    ),
  );
  return Object.fromEntries(found.filter((entry): entry is [string, string] => entry[1] !== null));
}

async function readPlan(): Promise<Pick<ImageOnHost, 'planName' | 'planDigest' | 'sourceImage' | 'substitutions'>> {
  const text = await readText(PLAN);
  const plan = (text === null ? {} : JSON.parse(text)) as Record<string, unknown>;
  const textOrNull = (value: unknown): string | null => (typeof value === 'string' ? value : null);
  return {
    planName: textOrNull(plan['name']),
    planDigest: textOrNull(plan['digest']),
    sourceImage: plan['sourceImage'] ?? null,
    substitutions: plan['substitutions'] ?? [],
  };
}

async function readImage(): Promise<ImageOnHost | null> {
  const text = await readText(IMAGE);
  return text === null ? null : (JSON.parse(text) as ImageOnHost);
}

/** Versions that a bake cannot do without. */
const REQUIRED = [
  'os',
  'kernel',
  'docker',
  'containerd',
  'ecs-agent',
  'host-service',
  'node',
  'aws-cli',
  'rclone',
  'jq',
];

export const recordVersions: Concern = {
  name: 'record-versions',
  puts: () => [{ path: IMAGE, kind: 'file', mode: modeOf(false), rule: 'image-record' }],
  apply: async (context) => {
    await context.step('write image.json', {}, async () => {
      const versions = await collect(context);
      context.versions(versions);
      const before = await readImage().catch(() => null);
      const now = { version: 1, profile: context.target.profile, ...(await readPlan()) } as const;
      const said = { versions, securityUpdates: await readUpdates() };
      const asBefore: ImageOnHost = { ...now, bakedAt: before?.bakedAt ?? new Date().toISOString(), ...said };
      const isSame = before !== null && JSON.stringify(before) === JSON.stringify(asBefore);
      const image = isSame ? asBefore : { ...asBefore, bakedAt: new Date().toISOString() };
      return putFile(IMAGE, `${JSON.stringify(image, null, 2)}\n`);
    });
  },
  verify: async (context) => {
    await context.look(
      { id: 'record-versions.complete', title: 'The image says what is on it', expected: 'complete' },
      async () => {
        const image = await readImage();
        if (image === null) throw new Error(`there is no ${IMAGE}`);
        const lacking = REQUIRED.filter((name) => !image.versions[name]);
        return {
          actual: lacking.length === 0 ? 'complete' : `without ${lacking.join(', ')}`,
          isCorrect: lacking.length === 0,
        };
      },
    );
    await context.look(
      { id: 'record-versions.true', title: 'What is on the image is what it says', expected: 'as recorded' },
      async () => {
        const recorded = (await readImage())?.versions ?? {};
        const found = await collect(context);
        const different = Object.keys(recorded).filter((name) => recorded[name] !== found[name]);
        return {
          actual:
            different.length === 0
              ? 'as recorded'
              : different.map((name) => `${name} ${found[name] ?? 'gone'}`).join(', '),
          isCorrect: different.length === 0,
        };
      },
    );
  },
};
