import { type BaseImage, type BaseImagePart, ensureBaseImage } from '../base-image/base-image.ts';
import { officialUbuntu } from '../base-image/official/cloud-image.ts';
import type { BaseImageInputs } from '../base-image/recipe.ts';
import { type UbuntuRelease, ubuntuReleaseFor } from '../base-image/release.ts';
import { ubuntuStandIn } from '../base-image/stand-in.ts';
import { importSnapshot } from '../disks/disks.ts';
import type { MotoClient } from '../moto/client.ts';
import type { Codename, Substitution } from '../parts/part.ts';
import type { LabPaths } from '../paths.ts';
import { REGIONS } from '../seed.ts';
import type { Sources, SourcesChoice, SourcesMode } from '../sources-mode.ts';

/** What a profile says of its base image, and where the user wants it from. */
export type Asked = {
  readonly ownerId: string;
  /** As for the name filter of DescribeImages. */
  readonly name: string;
  readonly sources: Sources;
};

/** What a plan finds now; nulls when the lab makes no image of that name. */
export type Offered = {
  readonly imageName: string | null;
  readonly mode: SourcesMode | null;
  readonly substitution: Substitution | null;
};

const NOTHING: Offered = { imageName: null, mode: null, substitution: null };

function snapshotOf({ recipe }: BaseImage): string {
  return `snap-base-${recipe}`;
}

function descriptionOf({ release, recipe }: BaseImage, way: SourcesMode): string {
  const what =
    release.codename === null
      ? `${release.title} (amd64) for the lab`
      : way === 'official'
        ? `Canonical's ${release.title} (amd64), made into an image of the lab`
        : `The lab's stand-in for ${release.title} (amd64)`;
  return `${what}, recipe ${recipe}`;
}

/** Puts the disk of an image under its snapshot's name. @returns the argument `base` of lab/moto/seeds.py */
export async function importBaseImage(paths: LabPaths, image: BaseImage, way: SourcesMode): Promise<object> {
  const { serial, sizeGiB, release } = image;
  const { ownerId, namePrefix, numbering, rootDeviceName, volumeType, parameters } = release.listing;
  const disk = snapshotOf(image);
  await importSnapshot(paths.disks, disk, image.file);
  return {
    disk,
    description: descriptionOf(image, way),
    createdAt: image.builtAt.toISOString(),
    way,
    ...{ serial, sizeGiB, ownerId, namePrefix, numbering, rootDeviceName, volumeType },
    parameters: parameters(serial),
  };
}

/**
 * Base images that are made when a profile asks for them. Two who ask for one at the same time wait for the same; what
 * was made before is there in milliseconds.
 */
export class BaseImages {
  readonly #parts: {
    readonly paths: LabPaths;
    readonly moto: MotoClient;
    readonly sources: SourcesChoice;
    readonly inputsOf: (codename: Codename, onProgress: (line: string) => void) => Promise<BaseImageInputs>;
  };
  /** What Canonical publishes is asked once for each start of the lab. */
  readonly #official = new Map<Codename, BaseImagePart>();
  readonly #running = new Map<string, Promise<Offered>>();

  /** @param parts.inputsOf what stand-ins carry */
  constructor(parts: {
    readonly paths: LabPaths;
    readonly moto: MotoClient;
    readonly sources: SourcesChoice;
    readonly inputsOf: (codename: Codename, onProgress: (line: string) => void) => Promise<BaseImageInputs>;
  }) {
    this.#parts = parts;
  }

  /**
   * Has the lab offer the image that is asked for.
   *
   * @param onProgress of the build; who asks while another's is going on hears only how it ends
   * @throws UserProblem when the official one cannot be had, or when the lab's machines are of the other sources
   */
  async offer({ sources, ...asked }: Asked, onProgress: (line: string) => void): Promise<Offered> {
    const release = ubuntuReleaseFor(asked, new Date());
    if (release === null) return NOTHING;
    const mode = await this.#parts.sources.choose(sources);
    const name = `${release.name} ${mode}`;
    const running = this.#running.get(name);
    if (running !== undefined) return running;
    const offered = this.#make(release, mode, onProgress).finally(() => this.#running.delete(name));
    this.#running.set(name, offered);
    return offered;
  }

  async #make(release: UbuntuRelease, mode: SourcesMode, onProgress: (line: string) => void): Promise<Offered> {
    const { paths, moto } = this.#parts;
    const part = await this.#partOf(release.codename, mode, onProgress);
    const image = await ensureBaseImage(part, paths.cache, onProgress);
    const base = await importBaseImage(paths, image, mode);
    const { images } = await moto.control<{ images: Record<string, { name: string }> }>('base-image', {
      regions: REGIONS,
      base,
    });
    return { imageName: images[REGIONS[0]]?.name ?? null, mode, substitution: part.substitution };
  }

  async #partOf(codename: Codename, mode: SourcesMode, onProgress: (line: string) => void): Promise<BaseImagePart> {
    if (mode === 'stand-in') return ubuntuStandIn(codename, await this.#parts.inputsOf(codename, onProgress));
    const known = this.#official.get(codename);
    if (known !== undefined) return known;
    const part = await officialUbuntu(codename);
    this.#official.set(codename, part);
    return part;
  }
}
