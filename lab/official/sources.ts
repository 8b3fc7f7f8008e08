import { setTimeout as sleep } from 'node:timers/promises';
import type { Codename, Substitution } from '../parts/part.ts';
import { UserProblem } from '../problem.ts';
import type { SourcesMode } from '../sources-mode.ts';
import { expiredCopy, type Signer, type SigningKey } from './archive-key.ts';
import type { Official } from './official.ts';
import type { PartFolder, PartFolders } from './part-folders.ts';
import { isCodename, RELEASES } from './ubuntu-archive.ts';

/** What a plan may take from official hosts. */
const COMPONENTS = ['ubuntu', 'docker', 'nvidia', 'ecs-agent', 'aws-cli'] as const;
type Component = (typeof COMPONENTS)[number];

export type PinnedKey = { readonly fingerprint: string; readonly key: string };

/** Whose signatures, and which checksums, hold here; null of what was not asked for. */
export type LabTrust = {
  readonly docker: { readonly fingerprint: string } | null;
  readonly nvidiaContainerToolkit: { readonly fingerprint: string } | null;
  readonly nvidiaDriver: { readonly version: string; readonly sha256: string } | null;
  readonly ecsAgent: PinnedKey | null;
  readonly awsCli: PinnedKey | null;
};

export type Sources =
  | { readonly mode: 'official' }
  /** Parts that are not finished; whoever asks again waits on. */
  | { readonly mode: 'building'; readonly building: readonly string[] }
  | { readonly mode: 'stand-in'; readonly trust: LabTrust; readonly substitutions: readonly Substitution[] };

export type SourcesOptions = {
  /** Whether official names lead to what the lab has, or, past its door, to the hosts themselves. */
  readonly mode: () => Promise<SourcesMode>;
  readonly parts: PartFolders;
  readonly key: (signer: Signer) => Promise<SigningKey>;
  readonly official: Official;
  /** After which it is told what is still being built. */
  readonly waitMs?: number;
};

const WAIT_MS = 20_000;

function isComponent(word: string): word is Component {
  return COMPONENTS.some((each) => each === word);
}

/** Which system, and where a GPU is asked for, which version of its driver. */
type Asked = { readonly codename: Codename; readonly driver: string; readonly components: readonly Component[] };

function partsOf(component: Component, { codename, driver }: Asked): readonly string[] {
  const names: Readonly<Record<Component, readonly string[]>> = {
    ubuntu: [`kernel-${codename}`],
    docker: [`docker-ce-${codename}`],
    nvidia: ['nvidia-container-toolkit', `nvidia-driver-${driver}`],
    'ecs-agent': ['amazon-ecs-init'],
    'aws-cli': ['aws-cli'],
  };
  return names[component];
}

/** @throws UserProblem for what is no question */
function parse(query: URLSearchParams): Asked {
  const codename = query.get('codename') ?? '';
  if (!isCodename(codename))
    throw new UserProblem(`the lab has stand-ins for ${Object.keys(RELEASES).join(', ')}, and not for ${codename}`);
  const asked = query.getAll('component');
  const unknown = asked.find((word) => !isComponent(word));
  if (unknown !== undefined) throw new UserProblem(`the lab has no component ${unknown}, but ${COMPONENTS.join(', ')}`);
  const driver = query.get('driver') ?? '';
  if (asked.includes('nvidia') && driver === '') throw new UserProblem('which version of the driver is not said');
  return { codename, driver, components: asked.filter(isComponent) };
}

function archiveSubstitution(codename: Codename): Substitution {
  const { debian, version } = RELEASES[codename];
  return {
    component: 'ubuntu packages',
    source: `packages of Debian ${debian}, in an archive that the lab signs`,
    reason: `Ubuntu ${version}'s archive is not reachable from the lab`,
  };
}

/** A driver's hash is that of its installer. */
function driverOf({ version, files }: PartFolder): LabTrust['nvidiaDriver'] {
  const installer = files.find(({ name }) => name.endsWith('.run'));
  if (installer === undefined) throw new Error('the part nvidia-driver has no installer');
  return { version, sha256: installer.sha256 };
}

/**
 * The folders of parts by their names, or which of them are not finished by then. All of them end before one is told to
 * have failed.
 */
async function built(
  parts: PartFolders,
  names: readonly string[],
  waitMs: number,
): Promise<Map<string, PartFolder> | readonly string[]> {
  const folders = new Map<string, PartFolder>();
  const waiting = new Set(names);
  const build = async (name: string): Promise<void> => {
    try {
      const folder = await parts.get(name);
      if (folder === null) throw new UserProblem(`the lab has no part ${name}`);
      folders.set(name, folder);
    } finally {
      waiting.delete(name);
    }
  };
  const over = new AbortController();
  const ended = Promise.allSettled(names.map(build));
  const settled = await Promise.race([ended, sleep(waitMs, null, { signal: over.signal }).catch(() => null)]);
  over.abort();
  if (settled === null) return [...waiting];
  for (const each of settled) if (each.status === 'rejected') throw each.reason;
  return folders;
}

/**
 * What a plan has to know of the lab's sources. Builds the parts that it will need, so that their versions can be asked
 * for, and so that no machine waits for them.
 *
 * @throws UserProblem for what the lab has no stand-in of; whatever a part failed with
 */
export async function answerSources(
  { mode, parts, key, official, waitMs = WAIT_MS }: SourcesOptions,
  query: URLSearchParams,
): Promise<Sources> {
  if ((await mode()) === 'official') return { mode: 'official' };
  const asked = parse(query);
  const { codename, components } = asked;
  const names = components.flatMap((component) => partsOf(component, asked));
  const folders = await built(parts, names, waitMs);
  if (!(folders instanceof Map)) return { mode: 'building', building: folders };

  const has = (component: Component): boolean => components.includes(component);
  const fingerprint = async (signer: Signer) => ({ fingerprint: (await key(signer)).fingerprint });
  const pinned = async (signer: Signer, host: string): Promise<PinnedKey> => {
    const own = await key(signer);
    const isExpired = official.faultOf(host, null) === 'expired-key';
    return { fingerprint: own.fingerprint, key: isExpired ? await expiredCopy(own) : own.publicKey };
  };
  const driver = folders.get(`nvidia-driver-${asked.driver}`);
  return {
    mode: 'stand-in',
    trust: {
      docker: has('docker') ? await fingerprint('docker') : null,
      nvidiaContainerToolkit: has('nvidia') ? await fingerprint('nvidia-container-toolkit') : null,
      nvidiaDriver: driver === undefined ? null : driverOf(driver),
      ecsAgent: has('ecs-agent') ? await pinned('amazon-ecs', 's3.us-east-1.amazonaws.com') : null,
      awsCli: has('aws-cli') ? await pinned('aws-cli', 'awscli.amazonaws.com') : null,
    },
    substitutions: [
      ...(has('ubuntu') ? [archiveSubstitution(codename)] : []),
      ...names.flatMap((name) => parts.substitution(name) ?? []),
    ],
  };
}
