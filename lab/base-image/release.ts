import type { Codename } from '../parts/part.ts';

/** How EC2 shows the images of a release: with the owner, name, root device and parameters of the real ones. */
export type Listing = {
  readonly ownerId: string;
  /** Of the name; the serial (`20261127`) comes behind it. */
  readonly namePrefix: string;
  /** Two images of one serial differ in their number: `-1` and `-2`, or none and `.1`. */
  readonly numbering: { readonly separator: '-' | '.'; readonly isFirstNumbered: boolean };
  readonly rootDeviceName: string;
  readonly volumeType: 'gp2' | 'gp3';
  /** Public parameters that hold the image's id. */
  readonly parameters: (serial: string) => readonly string[];
};

export type Release = {
  /** Part of the names of folders: `ubuntu-focal`. */
  readonly name: string;
  readonly title: string;
  /** Null for what is no stand-in of anything. */
  readonly codename: Codename | null;
  readonly listing: Listing;
};

export type UbuntuRelease = Release & {
  readonly codename: Codename;
  /** `20.04` */
  readonly version: string;
  /** With the point release: `20.04.6 LTS (Focal Fossa)`. */
  readonly longVersion: string;
};

/** Debian's own account on AWS; the base image belongs to it, so that the same owner filter works in the lab. */
const DEBIAN = '136693071363';
const CANONICAL = '099720109477';

export const DEBIAN_BOOKWORM: Release = {
  name: 'debian-bookworm',
  title: 'Debian 12',
  codename: null,
  listing: {
    ownerId: DEBIAN,
    namePrefix: 'debian-12-amd64-lab-',
    numbering: { separator: '-', isFirstNumbered: true },
    rootDeviceName: '/dev/xvda',
    volumeType: 'gp3',
    parameters: () => [
      '/aws/service/debian/release/12/latest/amd64',
      '/aws/service/debian/release/bookworm/latest/amd64',
    ],
  },
};

function ubuntu(codename: Codename, longVersion: string, volumeType: 'gp2' | 'gp3'): UbuntuRelease {
  const version = longVersion.slice(0, '20.04'.length);
  const type = volumeType === 'gp3' ? 'hvm-ssd-gp3' : 'hvm-ssd';
  return {
    name: `ubuntu-${codename}`,
    title: `Ubuntu ${version} LTS`,
    codename,
    version,
    longVersion,
    listing: {
      ownerId: CANONICAL,
      namePrefix: `ubuntu/images/${type}/ubuntu-${codename}-${version}-amd64-server-`,
      numbering: { separator: '.', isFirstNumbered: false },
      rootDeviceName: '/dev/sda1',
      volumeType,
      parameters: (serial) =>
        [version, codename].flatMap((named) =>
          ['current', serial].map(
            (point) =>
              `/aws/service/canonical/ubuntu/server/${named}/stable/${point}/amd64/hvm/ebs-${volumeType}/ami-id`,
          ),
        ),
    },
  };
}

export const UBUNTU: Readonly<Record<Codename, UbuntuRelease>> = {
  focal: ubuntu('focal', '20.04.6 LTS (Focal Fossa)', 'gp2'),
  jammy: ubuntu('jammy', '22.04.5 LTS (Jammy Jellyfish)', 'gp2'),
  noble: ubuntu('noble', '24.04.3 LTS (Noble Numbat)', 'gp3'),
};

/** Day of an image, as in its name: `20261127`. */
export function serialOf(day: Date): string {
  return day.toISOString().slice(0, 10).replaceAll('-', '');
}

/** Pure: whether a filter of DescribeImages (`*` for any characters, `?` for one) takes a name. */
export function isMatch(pattern: string, name: string): boolean {
  const escaped = pattern.replace(/[.+^${}()|[\]\\]/g, '\\$&');
  return new RegExp(`^${escaped.replaceAll('*', '.*').replaceAll('?', '.')}$`, 's').test(name);
}

/**
 * The Ubuntu release whose image, if it were made that day, a profile's base image would name. The newest where several
 * are named, since the newest image is what a plan takes.
 */
export function ubuntuReleaseFor(asked: { ownerId: string; name: string }, day: Date): UbuntuRelease | null {
  const named = Object.values(UBUNTU).filter(
    ({ listing }) => listing.ownerId === asked.ownerId && isMatch(asked.name, `${listing.namePrefix}${serialOf(day)}`),
  );
  return named.at(-1) ?? null;
}
