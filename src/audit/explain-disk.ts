import { packageDigests } from '#contracts/package-lists.ts';
import type { BuildPlan } from '../plan/build-plan.ts';
import type { StepTime } from '../run/span.ts';
import { type Audited, textOf } from './audited.ts';
import { type Exception, sift } from './exceptions.ts';
import { type Explainer, type ExplainInput, explainEntries, partitionFindings } from './explain.ts';
import type { Finding } from './finding.ts';
import { missingEntries } from './missing.ts';
import { DPKG, LISTS, packagesOf, realPath } from './packages.ts';
import { isAbout } from './provisioned/judge.ts';
import { pathsInLog } from './provisioned/rules.ts';
import { stepOf } from './when.ts';

export type ExplainedDisk = {
  /** What is there and should not be so. */
  readonly findings: readonly Finding[];
  readonly missing: readonly Finding[];
  /** What an exception of hosts.yaml lets pass. */
  readonly excepted: readonly Finding[];
  readonly unneeded: readonly Exception[];
  readonly counts: Readonly<Record<Explainer, number>>;
  /** By path, who explains it. */
  readonly explainers: ReadonlyMap<string, Explainer>;
  /** Files that neither a package nor the base image explains by their content. */
  readonly toSearch: readonly string[];
};

export type DiskInput = {
  readonly image: Audited;
  readonly base: Audited;
  readonly plan: BuildPlan;
  readonly steps: readonly StepTime[];
  /** What packages' lists came to in the bake, by package; null when nobody knows. */
  readonly told: Readonly<Record<string, string>> | null;
  /** Names of volumes beside the root volume. */
  readonly others: readonly string[];
};

/** What an installer that is no package says that it put, it explains: the log itself is a provisioner's. */
function installed({ image, plan }: DiskInput): ReadonlySet<string> {
  const logs = plan.provisioned.filter(({ rule }) => rule === 'installer-log').map(({ path }) => path);
  const named = logs.flatMap((path) => pathsInLog(textOf(image, path) ?? ''));
  return new Set(named.map((path) => realPath(image.entries, path)));
}

function altered({ image, told }: DiskInput): ReadonlySet<string> {
  if (told === null) return new Set();
  const lists = [...image.contents].filter(([path]) => path.startsWith(LISTS));
  const files = new Map(lists.map(([path, content]) => [path.slice(LISTS.length), content]));
  const found = packageDigests(files, textOf(image, `${DPKG}/status`) ?? '');
  return new Set(Object.keys({ ...told, ...found }).filter((name) => told[name] !== found[name]));
}

function inputOf(input: DiskInput): ExplainInput {
  const { image, base, plan } = input;
  return {
    ...{ image, base, plan },
    packages: packagesOf(image),
    basePackages: packagesOf(base),
    sshUser: plan.network.sshUser,
    provisioned: plan.provisioned,
    installed: installed(input),
    altered: altered(input),
  };
}

/** Pure: each entry of an image's disk explained, or found. */
export function explainDisk(input: DiskInput, now: Date = new Date()): ExplainedDisk {
  const { image, base, plan, steps, others } = input;
  const given = inputOf(input);
  const { findings, explainers } = explainEntries(given);
  const counts: Record<Explainer, number> = { package: 0, provisioner: 0, 'base image': 0, generated: 0, folder: 0 };
  for (const by of explainers.values()) counts[by] += 1;
  const volumes = others.map(
    (name) =>
      ({ path: `volume ${name}`, kind: 'unexplained', reason: 'hosts would get it as well', entry: null }) as const,
  );
  const inTime = (all: readonly Omit<Finding, 'step'>[]): readonly Finding[] =>
    all.map((each) => ({ ...each, step: each.entry === null ? null : stepOf(each.entry, steps) }));
  const there = inTime([...findings, ...partitionFindings(image.partitions, base.partitions), ...volumes]);
  const gone = inTime(missingEntries(given));
  const sifted = sift([...there, ...gone], plan.auditExceptions, now);
  const toSearch = [...image.entries.values()]
    .filter(
      ({ path, kind }) =>
        kind === 'file' && !image.elsewhere.has(path) && isToBeSearched(path, explainers.get(path), given),
    )
    .map(({ path }) => path);
  return {
    findings: sifted.findings.filter(({ kind }) => kind !== 'missing'),
    missing: sifted.findings.filter(({ kind }) => kind === 'missing'),
    excepted: sifted.excepted,
    unneeded: sifted.unneeded,
    ...{ counts, explainers, toSearch },
  };
}

function isToBeSearched(path: string, by: Explainer | undefined, { provisioned }: ExplainInput): boolean {
  if (by === 'package' || by === 'base image') return false;
  return by !== 'provisioner' || provisioned.some((put) => isAbout(put, path) && put.sha256 === undefined);
}
