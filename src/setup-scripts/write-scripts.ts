import { createReadStream, createWriteStream } from 'node:fs';
import { chmod, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { Variant } from '#contracts/provisioners.ts';
import { targetText } from '#contracts/target-config.ts';
import { type Bundle, buildBundle, bundleProgram, hashed, packTar } from '../bundle/bundle.ts';
import type { Profile } from '../config/hosts-config.ts';
import { userError } from '../io/errors.ts';
import { projectFolder } from '../io/paths.ts';
import { targetOf } from '../plan/resolve.ts';
import { renderHeader, scriptName, scriptOf } from './script.ts';

export type WrittenScript = {
  readonly name: string;
  readonly profile: string;
  readonly variant: Variant;
  readonly file: string;
  readonly bytes: number;
  readonly sha256: string;
};

type Input = {
  readonly profiles: Readonly<Record<string, Profile>>;
  /** hosts.yaml; the path of a user's own host service is taken from its folder. */
  readonly configFile: string;
  /** For what is packed; removed afterwards. */
  readonly work: string;
  readonly out: string;
};

/** Carried by scripts alone: an image has no use for it. */
const PROGRAM = { entry: 'provisioners/standalone.ts', path: 'provisioners/standalone.mjs' } as const;
/** Node as it runs; what it is unpacked from stands beside it for a moment. */
const NODE_KIB = 140 * 1024;
const VARIANTS: readonly Variant[] = ['development', 'host'];

/** Two profiles of one system would write one file. */
function refuseClashes(profiles: Input['profiles']): void {
  const owners = new Map<string, string>();
  for (const [name, { os }] of Object.entries(profiles)) {
    const script = scriptName(os, 'host');
    const other = owners.get(script);
    if (other !== undefined)
      throw userError(
        'SCRIPT_CLASH',
        `Profiles ${other} and ${name} would both be ${script}.`,
        'choose with --profile',
      );
    owners.set(script, name);
  }
}

/** What a script unpacks: the bundle with its entry, and the target of the variant. */
async function packPayload(bundle: Bundle, target: ReturnType<typeof targetOf>, file: string): Promise<void> {
  await writeFile(join(bundle.folder, 'target.json'), targetText(target));
  await packTar(file, bundle.folder, ['bin', 'payload', 'provisioners', 'rootfs.tar', 'target.json']);
}

/** Whole or not at all, and readable by everybody: there is no secret in it. */
async function writeScript(header: string, payload: string, file: string): Promise<void> {
  const partial = `${file}.${process.pid}.partial`;
  try {
    await writeFile(partial, header);
    await pipeline(createReadStream(payload), createWriteStream(partial, { flags: 'a' }));
    await chmod(partial, 0o755);
    await rename(partial, file);
  } finally {
    await rm(partial, { force: true });
  }
}

async function writeProfile(name: string, profile: Profile, input: Input): Promise<WrittenScript[]> {
  const { work, out, configFile } = input;
  const bundle = await buildBundle({
    folder: join(work, 'bundle'),
    wantsStandInAgent: profile.ecsAgent.source === 'lab-stand-in',
    hostProgram: profile.hostService ? resolve(dirname(configFile), profile.hostService.program) : null,
  });
  await bundleProgram(PROGRAM.entry, join(bundle.folder, PROGRAM.path));
  const template = await readFile(join(projectFolder(), 'src', 'setup-scripts', 'header.sh'), 'utf8');
  const payload = join(work, 'payload.tar');
  const written: WrittenScript[] = [];
  for (const variant of VARIANTS) {
    const target = targetOf(name, profile, variant);
    await packPayload(bundle, target, payload);
    const { bytes, sha256 } = await hashed(work, 'payload.tar');
    // The payload is read once more while it is unpacked.
    const unpackedKiB = Math.ceil((bytes * 2) / 1024) + NODE_KIB;
    const script = scriptOf(target);
    const file = join(out, script.name);
    await writeScript(renderHeader(template, script, { bytes, sha256, unpackedKiB, node: bundle.node }), payload, file);
    const { bytes: size, sha256: sum } = await hashed(out, script.name);
    written.push({ name: script.name, profile: name, variant, file, bytes: size, sha256: sum });
  }
  return written;
}

/**
 * Writes both scripts of each profile, and SHA256SUMS beside them.
 *
 * @throws EcsHostError (user) `SCRIPT_CLASH`
 */
export async function writeScripts(input: Input): Promise<WrittenScript[]> {
  refuseClashes(input.profiles);
  await mkdir(input.out, { recursive: true });
  await mkdir(input.work, { recursive: true });
  const written: WrittenScript[] = [];
  try {
    for (const [name, profile] of Object.entries(input.profiles))
      written.push(...(await writeProfile(name, profile, input)));
  } finally {
    await rm(input.work, { recursive: true, force: true });
  }
  await writeFile(join(input.out, 'SHA256SUMS'), written.map(({ name, sha256 }) => `${sha256}  ${name}\n`).join(''));
  return written;
}
