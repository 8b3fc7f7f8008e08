import { posix } from 'node:path';
import type { AuditEntry, Partition } from '#contracts/audit.ts';
import { packageOfList } from '#contracts/package-lists.ts';
import type { ProvisionedEntry } from '#contracts/provisioned.ts';
import type { BuildPlan } from '../plan/build-plan.ts';
import { differenceBetween, type Finding, specialsOf } from './finding.ts';
import type { View } from './generated/rule.ts';
import { ruleOf } from './generated/rules.ts';
import { LISTS, realPath } from './packages.ts';
import { isAbout, provisionedProblem } from './provisioned/judge.ts';

export type ExplainInput = View & {
  readonly plan: BuildPlan;
  /** What the provisioners put, by the plan. */
  readonly provisioned: readonly ProvisionedEntry[];
  /** What an installer that is no package says that it put. */
  readonly installed: ReadonlySet<string>;
  /** Packages whose lists are not what apt brought, as the bake told; empty when it told nothing. */
  readonly altered: ReadonlySet<string>;
};

/** Who explains an entry: in words, for counting and for the curious. */
export type Explainer = 'package' | 'provisioner' | 'base image' | 'generated' | 'folder';

/** Null for what nobody explains. */
type Answer = { readonly by: Explainer; readonly problem: string | null } | null;

function fine(by: Explainer): Answer {
  return { by, problem: null };
}

/** A folder that only root can put something into says nothing that its content does not. */
function isPlainFolder({ kind, uid, gid, mode }: AuditEntry): boolean {
  return kind === 'folder' && uid === 0 && gid === 0 && (mode & 0o7022) === 0;
}

function isOfRoot({ uid, gid, mode, kind }: AuditEntry): boolean {
  return uid === 0 && gid === 0 && (kind === 'link' || (mode & 0o7022) === 0);
}

function isSame(found: AuditEntry, other: AuditEntry | undefined): boolean {
  return other !== undefined && differenceBetween(found, other) === null;
}

/** The version of an owner is the one on the base image, so that its files are as they were there. */
function isOfBase(owners: readonly string[], { packages, basePackages }: View): boolean {
  return owners.some((name) => basePackages.versions.get(name) === packages.versions.get(name));
}

/** Whose it is and what may be done with it, which checksums do not say. */
function permissionsProblem(found: AuditEntry, base: AuditEntry | undefined): string | null {
  if (base !== undefined && base.kind === found.kind) {
    const { uid, gid, mode } = base;
    return differenceBetween(found, { uid, gid, mode });
  }
  return isOfRoot(found) ? null : 'its owner or mode is not a usual one';
}

/** Where everybody, or a user who logs in, may put something. */
const ANYBODYS = /^\/(tmp|var\/tmp|dev\/shm|home)\//;

/**
 * Whose a path is, and with which checksum. Of a package in the version of the base image it is the base image's
 * database that says so: nobody has to believe the image's own.
 */
function ownedBy(path: string, input: ExplainInput) {
  const { packages, basePackages } = input;
  const ofBase = basePackages.owners.get(path) ?? [];
  const owners = (packages.owners.get(path) ?? []).filter((name) => !isOfBase([name], input) || ofBase.includes(name));
  const isBase = isOfBase(owners, input);
  const { checksums, configuration } = isBase ? basePackages : packages;
  return { owners, isBase, checksum: checksums.get(path) ?? configuration.get(path) };
}

/** What is wrong with something that is no file, where a package has a file or not. */
function placeProblem(found: AuditEntry, before: AuditEntry | undefined, isBase: boolean, isFile: boolean) {
  const { path, kind, target = '' } = found;
  if (isFile || (kind !== 'link' && kind !== 'folder')) return `a ${kind}, which no package brings there`;
  if (before?.kind === kind && (before.target ?? '') === target) return null;
  if (before !== undefined && isBase) return `not as on the base image, which leads to ${before.target ?? 'nothing'}`;
  const leads = posix.resolve(posix.dirname(path), target);
  return kind === 'link' && ANYBODYS.test(leads) ? `it leads to ${leads}` : null;
}

/** What packages bring: files by their checksum, and links and folders by their name. */
function byPackage(found: AuditEntry, input: ExplainInput): Answer {
  const { owners, isBase, checksum } = ownedBy(realPath(input.image.entries, found.path), input);
  if (owners.length === 0) return null;
  const before = input.base.entries.get(found.path);
  if (isBase && isSame(found, before)) return fine('package');
  if (found.kind === 'file') {
    if (checksum === undefined) return null;
    if (checksum !== found.md5) return { by: 'package', problem: `not as package ${owners.join(', ')} has it` };
  }
  const place = found.kind === 'file' ? null : placeProblem(found, before, isBase, checksum !== undefined);
  return { by: 'package', problem: place ?? permissionsProblem(found, before) };
}

function byBase(found: AuditEntry, { base }: ExplainInput): Answer {
  const before = base.entries.get(found.path);
  return isSame(found, before) ? fine('base image') : null;
}

function byRule(found: AuditEntry, input: ExplainInput): Answer {
  const rule = ruleOf(found, input);
  if (rule === undefined) return null;
  const before = input.base.entries.get(found.path);
  const isOwned = rule.isOwner?.(found, input) ?? permissionsProblem(found, before) === null;
  const problem = isOwned ? rule.problem(found, input) : 'its owner or mode is not a usual one';
  return { by: 'generated', problem: problem === null ? null : `${rule.by}: ${problem}` };
}

/** A file of a package may have been changed together with its checksum; what the bake told of that stays. */
function byBake({ path }: AuditEntry, { altered }: ExplainInput): Answer {
  const owner = path.startsWith(LISTS) ? packageOfList(path.slice(LISTS.length)) : null;
  if (owner === null || !altered.has(owner)) return null;
  return { by: 'package', problem: `one of the lists of package ${owner} is not as apt brought it` };
}

function answerFor(found: AuditEntry, input: ExplainInput, put: ProvisionedEntry | undefined): Answer {
  // A folder that programs of the base image share with a group of theirs is theirs.
  const isShared = found.kind === 'folder' && isSame(found, input.base.entries.get(found.path));
  if (put !== undefined && !isShared) return { by: 'provisioner', problem: provisionedProblem(found, put, input) };
  const ofBake = byBake(found, input);
  if (ofBake !== null) return ofBake;
  const ofPackage = byPackage(found, input);
  if (ofPackage !== null && ofPackage.problem === null) return ofPackage;
  const ofBase = ofPackage === null ? byBase(found, input) : null;
  if (ofBase !== null) return ofBase;
  const ofRule = byRule(found, input);
  if (ofRule !== null && ofRule.problem === null) return ofRule;
  return ofPackage ?? ofRule ?? byInstaller(found, input) ?? byFolder(found, input.base.entries.get(found.path));
}

/** Where NVIDIA's installer puts something: of /etc only what lists the driver, and starts nothing. */
const OF_INSTALLER =
  /^\/(usr|etc\/(OpenCL\/vendors|vulkan\/(icd|implicit_layer|explicit_layer)\.d|egl|glvnd|nvidia))\//;

/** Loads the module and makes the devices for whoever is not root. */
const WITH_SETUID = '/usr/bin/nvidia-modprobe';

/** Of NVIDIA's installer nothing but names is known. */
function byInstaller(found: AuditEntry, { installed, base }: ExplainInput): Answer {
  if (!installed.has(found.path) || !OF_INSTALLER.test(found.path) || base.entries.has(found.path)) return null;
  if (found.kind !== 'file' && found.kind !== 'link') return null;
  const isUsual = isOfRoot(found) || (found.path === WITH_SETUID && found.uid === 0 && found.mode === 0o4755);
  return { by: 'provisioner', problem: isUsual ? null : 'its owner or mode is not a usual one' };
}

/** It is no more open than on the base image, where nothing else was in its place. */
function byFolder(found: AuditEntry, before: AuditEntry | undefined): Answer {
  const isNoMore = before === undefined || (before.kind === 'folder' && (found.mode & ~before.mode) === 0);
  return isNoMore && isPlainFolder(found) ? fine('folder') : null;
}

/** Capabilities, access lists and flags: nobody but the base image gives any. */
function specialsProblem(found: AuditEntry, base: AuditEntry | undefined): string | null {
  const before = base === undefined ? [] : specialsOf(base);
  const added = specialsOf(found).filter((each) => !before.includes(each));
  return added.length === 0 ? null : `it has ${added.map((each) => each.replace(/=.*/, '')).join(', ')}`;
}

export type Explained = {
  readonly findings: readonly Omit<Finding, 'step'>[];
  /** Whom each other entry is explained by. */
  readonly explainers: ReadonlyMap<string, Explainer>;
};

/** Pure: what of an image's entries nobody explains, and what differs from how its explainer has it. */
export function explainEntries(input: ExplainInput): Explained {
  const { image, base } = input;
  const put = new Map(input.provisioned.map((each) => [each.path, each]));
  const patterns = input.provisioned.filter(({ path }) => path.includes('*'));
  const explainers = new Map<string, Explainer>();
  const findings: Omit<Finding, 'step'>[] = [];
  for (const entry of image.entries.values()) {
    const { path } = entry;
    const answer = answerFor(entry, input, put.get(path) ?? patterns.find((each) => isAbout(each, path)));
    const special = specialsProblem(entry, base.entries.get(path));
    if (answer === null) {
      const isChanged = base.entries.has(path);
      const reason = isChanged ? 'not as on the base image, and nobody explains it' : 'nobody explains it';
      findings.push({ path, kind: isChanged ? 'differs' : 'unexplained', reason, entry });
    } else if (answer.problem !== null || special !== null) {
      const reason = [answer.problem, special].filter((each) => each !== null).join('; ');
      findings.push({ path, kind: 'differs', reason, entry });
    } else explainers.set(path, answer.by);
  }
  return { findings, explainers };
}

function partitionFinding({ number }: Partition, reason: string): Omit<Finding, 'step'> {
  return { path: `partition ${number}`, kind: 'differs', reason, entry: null };
}

/** Pure: partitions that are not read as a file system, and are not what the base image has. */
export function partitionFindings(
  image: readonly Partition[],
  base: readonly Partition[],
): readonly Omit<Finding, 'step'>[] {
  const gone = base.filter(({ number }) => !image.some((each) => each.number === number));
  const others = image.flatMap((partition) => {
    const { number, sha256, fileSystem, type } = partition;
    const before = base.find((each) => each.number === number);
    if (before === undefined) return [partitionFinding(partition, 'the base image has no such partition')];
    const isSame = before.fileSystem === fileSystem && before.type === type && before.sha256 === sha256;
    return isSame ? [] : [partitionFinding(partition, 'not as on the base image')];
  });
  return [...others, ...gone.map((each) => partitionFinding(each, 'the base image has it, and it is not there'))];
}
