import { createWriteStream } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { execa } from 'execa';
import { reasonOf } from '#contracts/reason.ts';
import { outsideError } from '../../io/errors.ts';
import { cacheFolder } from '../../io/paths.ts';
import { object, parseObject, shapeCheck, TEXT } from '../../io/shape.ts';
import { writeWhole } from '../../io/write-whole.ts';
import type { Inventory } from '../inventory.ts';
import { ADVISORIES, type Advisory } from './advisory.ts';
import { debianAdvisories } from './debian-tracker.ts';
import { CVE_ENTRIES, ubuntuAdvisories } from './ubuntu-osv.ts';

/** Where the distributions say it. Tests have others. */
export const SOURCES = {
  debian: 'https://security-tracker.debian.org/tracker/data/json',
  ubuntu: 'https://security-metadata.canonical.com/osv/osv-all.tar.xz',
} as const;

export type Sources = Readonly<Record<keyof typeof SOURCES, string>>;

/** What is known, and since when. */
export type Known = {
  readonly advisories: readonly Advisory[];
  /** Who said it. */
  readonly host: string;
  readonly fetchedAt: string;
  /** Why it is not newer, although it is older than it should be; null when it is new. */
  readonly staleBecause: string | null;
};

/** Both are written several times a day. */
const FRESH_MS = 6 * 3600_000;
/** Tens of megabytes. */
const LIMIT_MS = 300_000;
/** How many files are read at once. */
const AT_ONCE = 64;

type Kept = { readonly fetchedAt: string; readonly advisories: readonly Advisory[] };

const keptProblem = shapeCheck(object({ fetchedAt: TEXT, advisories: ADVISORIES }));

async function readKept(file: string): Promise<Kept | null> {
  const value = parseObject(await readFile(file, 'utf8').catch(() => ''));
  return typeof value === 'string' || keptProblem(value) !== null ? null : (value as unknown as Kept);
}

/** In words, because fetch says only that it failed, and why in its cause. */
function whyNot(error: unknown): string {
  return error instanceof Error && error.cause !== undefined ? reasonOf(error.cause) : reasonOf(error);
}

async function asked(url: string, signal: AbortSignal): Promise<Response> {
  const { host } = new URL(url);
  let answer: Response;
  try {
    answer = await fetch(url, { signal: AbortSignal.any([signal, AbortSignal.timeout(LIMIT_MS)]) });
  } catch (error) {
    throw new Error(`${host} does not answer (${whyNot(error)})`, { cause: error });
  }
  if (answer.ok) return answer;
  await answer.body?.cancel();
  throw new Error(`${host} says HTTP ${answer.status}`);
}

async function entriesOf(folder: string, versionId: string): Promise<Advisory[]> {
  const files = (await readdir(folder, { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
  if (files.length === 0) throw new Error('its archive holds no entries');
  const found: Advisory[] = [];
  for (let at = 0; at < files.length; at += AT_ONCE) {
    const texts = await Promise.all(files.slice(at, at + AT_ONCE).map((file) => readFile(file, 'utf8')));
    found.push(...texts.flatMap((text) => ubuntuAdvisories(text, versionId)));
  }
  return found;
}

/** The archive has an entry for every vulnerability of every release; what is unpacked of it goes at once. */
async function fromUbuntu(url: string, versionId: string, signal: AbortSignal): Promise<Advisory[]> {
  const cache = join(cacheFolder(), 'vulnerabilities');
  await mkdir(cache, { recursive: true });
  const folder = await mkdtemp(join(cache, 'unpacked-'));
  try {
    const { body } = await asked(url, signal);
    if (body === null) throw new Error('its answer is empty');
    const archive = join(folder, 'all.tar.xz');
    await pipeline(Readable.fromWeb(body), createWriteStream(archive), { signal });
    const entries = join(folder, 'entries');
    await mkdir(entries);
    const options = ['--extract', '--xz', '--file', archive, '--directory', entries, '--no-same-owner'];
    await execa('tar', [...options, '--wildcards', '--no-anchored', CVE_ENTRIES], {
      stdin: 'ignore',
      cancelSignal: signal,
    });
    return await entriesOf(entries, versionId);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function fromDebian(url: string, codename: string, signal: AbortSignal): Promise<Advisory[]> {
  const { host } = new URL(url);
  const text = await (await asked(url, signal)).text();
  let advisories: Advisory[];
  try {
    advisories = debianAdvisories(text, codename);
  } catch (error) {
    throw new Error(`what ${host} gives cannot be read (${reasonOf(error)})`, { cause: error });
  }
  if (advisories.length === 0) throw new Error(`${host} says nothing of ${codename}`);
  return advisories;
}

type Wanted = {
  readonly url: string;
  readonly file: string;
  readonly fetch: (signal: AbortSignal) => Promise<Advisory[]>;
};

function wantedFor({ id, versionId, codename }: Inventory['os'], sources: Sources): Wanted | null {
  const file = join(cacheFolder(), 'vulnerabilities', `${id}-${codename.replaceAll(/[^a-z]/g, '')}.json`);
  if (id === 'debian')
    return { url: sources.debian, file, fetch: (signal) => fromDebian(sources.debian, codename, signal) };
  if (id === 'ubuntu')
    return { url: sources.ubuntu, file, fetch: (signal) => fromUbuntu(sources.ubuntu, versionId, signal) };
  return null;
}

/**
 * What the distribution itself knows of vulnerabilities in its packages; kept for some hours, and used for longer where
 * it cannot be asked.
 *
 * @throws EcsHostError (outside) `VULNERABILITIES_UNKNOWN`, so that not to know is never taken for none; the signal's
 *   reason when aborted
 */
export async function knownVulnerabilities(
  os: Inventory['os'],
  { sources = SOURCES, signal }: { readonly sources?: Sources; readonly signal: AbortSignal },
): Promise<Known> {
  const unknown = (why: string, cause?: unknown) =>
    outsideError(
      'VULNERABILITIES_UNKNOWN',
      `The known vulnerabilities are not known: ${why}.`,
      'they come from the distribution over the network; nothing is said about the image',
      undefined,
      cause,
    );
  const wanted = wantedFor(os, sources);
  if (wanted === null) throw unknown(`nobody is asked for ${os.id === '' ? 'an unnamed system' : os.id}`);
  const { host } = new URL(wanted.url);
  const kept = await readKept(wanted.file);
  if (kept !== null && Date.now() - Date.parse(kept.fetchedAt) < FRESH_MS) return { ...kept, host, staleBecause: null };
  try {
    const advisories = await wanted.fetch(signal);
    const now: Kept = { fetchedAt: new Date().toISOString(), advisories };
    await writeWhole(wanted.file, JSON.stringify(now));
    return { ...now, host, staleBecause: null };
  } catch (error) {
    signal.throwIfAborted();
    if (kept === null) throw unknown(reasonOf(error), error);
    return { ...kept, host, staleBecause: reasonOf(error) };
  }
}
