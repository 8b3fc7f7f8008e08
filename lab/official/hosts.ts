import { join } from 'node:path';
import { makeRepository, type Repository, releaseFile } from './apt-repository.ts';
import { expiredCopy, type SignedText, type Signer, type SigningKey, signFile } from './archive-key.ts';
import type { FaultKind } from './faults.ts';
import { fileOf, type PartFolder, type PartFolders } from './part-folders.ts';
import { file, missing, type Served, text } from './served.ts';
import type { UbuntuArchive } from './ubuntu-archive.ts';

/** What is asked of a host, and what is to be wrong with the answer. */
export type Asked = { readonly host: string; readonly path: string; readonly fault: FaultKind | null };

export type OfficialHost = {
  /** Names of machines' URLs; `*` is one label of a name. */
  readonly names: readonly string[];
  /** How machines reach it; `plan` is asked by whoever makes a plan, and by no machine. */
  readonly over: 'https' | 'http' | 'plan';
  readonly faults: readonly FaultKind[];
  answer(asked: Asked): Promise<Served>;
};

export type HostsOptions = {
  readonly parts: PartFolders;
  readonly key: (signer: Signer) => Promise<SigningKey>;
  readonly ubuntu: UbuntuArchive;
};

/** Remembers by a key what was made once; what failed is tried again. */
function once<T>(make: (part: PartFolder, what: string) => Promise<T>) {
  const made = new Map<string, Promise<T>>();
  return (part: PartFolder, what = ''): Promise<T> => {
    const key = `${part.folder}\n${what}`;
    const already = made.get(key);
    if (already !== undefined) return already;
    const promise = make(part, what);
    made.set(key, promise);
    promise.catch(() => made.delete(key));
    return promise;
  };
}

/** Signed, and then changed: the signature is whole, and of another text. */
function tampered({ inRelease, release, signature }: SignedText): SignedText {
  const change = (content: string): string => content.replace(/^Origin: /m, 'Origin: not ');
  return { inRelease: change(inRelease), release: change(release), signature };
}

function noPart(name: string): Served {
  return missing(`the lab has no part ${name}`);
}

/** @param path below the folder of the release */
function inRepository({ signed, indexes }: Repository, path: string, fault: FaultKind | null): Served {
  const release = releaseFile(fault === 'wrong-signature' ? tampered(signed) : signed, path);
  if (release !== null) return text(release);
  const index = indexes.find((each) => each.path === path);
  return index === undefined ? missing(`the release does not list ${path}`) : { kind: 'bytes', bytes: index.bytes };
}

function inPart(part: PartFolder, name: string): Served {
  const found = fileOf(part, name);
  return found === null ? missing(`the lab's part has no ${name}, but ${part.version}`) : file(found);
}

/** A key as its owner's site has it. */
async function armored(key: SigningKey, fault: FaultKind | null): Promise<Served> {
  return text(fault === 'expired-key' ? await expiredCopy(key) : key.publicKey);
}

/** Docker's: a release for each codename, and its packages below it. */
function dockerHost({ parts, key }: HostsOptions): OfficialHost {
  const repository = once(async (part, codename) =>
    makeRepository({
      part,
      key: await key('docker'),
      fields: {
        Origin: 'Docker',
        Label: 'Docker CE',
        Suite: codename,
        Codename: codename,
        Architectures: 'amd64',
        Components: 'stable',
        Description: 'ecs-host lab stand-in of Docker CE',
      },
      indexPath: 'stable/binary-amd64/Packages',
      filenameOf: (name) => `dists/${codename}/pool/stable/amd64/${name}`,
    }),
  );
  return {
    names: ['download.docker.com'],
    over: 'https',
    faults: ['wrong-signature', 'wrong-checksum', 'expired-key', 'missing'],
    answer: async ({ path, fault }) => {
      if (path === '/linux/ubuntu/gpg') return armored(await key('docker'), fault);
      const [, codename = '', rest = ''] = /^\/linux\/ubuntu\/dists\/([a-z]+)\/(.+)$/.exec(path) ?? [];
      if (rest === '') return missing('no such path');
      const name = `docker-ce-${codename}`;
      const part = await parts.get(name);
      if (part === null) return noPart(name);
      const deb = /^pool\/stable\/amd64\/([^/]+\.deb)$/.exec(rest)?.[1];
      return deb === undefined ? inRepository(await repository(part, codename), rest, fault) : inPart(part, deb);
    },
  };
}

/** NVIDIA's: one flat folder for all of Debian and Ubuntu. */
function toolkitHost({ parts, key }: HostsOptions): OfficialHost {
  const repository = once(async (part) =>
    makeRepository({
      part,
      key: await key('nvidia-container-toolkit'),
      fields: {
        Origin: 'https://nvidia.github.io/libnvidia-container',
        Label: 'nvidia-container-toolkit',
        Architectures: 'amd64',
        Description: "ecs-host lab stand-in of NVIDIA's container toolkit",
      },
      indexPath: 'Packages',
      filenameOf: (name) => `./${name}`,
    }),
  );
  return {
    names: ['nvidia.github.io'],
    over: 'https',
    faults: ['wrong-signature', 'wrong-checksum', 'expired-key', 'missing'],
    answer: async ({ path, fault }) => {
      if (path === '/libnvidia-container/gpgkey') return armored(await key('nvidia-container-toolkit'), fault);
      const name = /^\/libnvidia-container\/stable\/deb\/amd64\/(?:\.\/)?([^/]+)$/.exec(path)?.[1];
      if (name === undefined) return missing('no such path');
      const part = await parts.get('nvidia-container-toolkit');
      if (part === null) return noPart('nvidia-container-toolkit');
      return name.endsWith('.deb') ? inPart(part, name) : inRepository(await repository(part), name, fault);
    },
  };
}

/** The driver's installer. Nothing of it is signed: a plan pins its hash. */
function driverHost({ parts }: HostsOptions): OfficialHost {
  return {
    names: ['download.nvidia.com'],
    over: 'https',
    faults: ['wrong-checksum', 'missing'],
    answer: async ({ path }) => {
      const [, version = '', name] = /^\/XFree86\/Linux-x86_64\/([\d.]+)\/([^/]+\.run)$/.exec(path) ?? [];
      if (name === undefined) return missing('no such path');
      const part = await parts.get(`nvidia-driver-${version}`);
      return part === null ? noPart(`nvidia-driver-${version}`) : inPart(part, name);
    },
  };
}

/** The one file of a part that has a name with this ending, with a signature beside it. */
function signedFile(ending: string, key: () => Promise<SigningKey>, form: 'armored' | 'binary') {
  const signature = once(async (part, name) => signFile(await key(), join(part.folder, name), form));
  return async (part: PartFolder, asked: { readonly isSignature: boolean; readonly fault: FaultKind | null }) => {
    const name = part.files.find((each) => each.name.endsWith(ending))?.name ?? '';
    if (!asked.isSignature || name === '') return inPart(part, name);
    // Whole, by the right key, and of another file.
    const of = asked.fault === 'wrong-signature' ? 'part.json' : name;
    return { kind: 'bytes', bytes: await signature(part, of) } satisfies Served;
  };
}

/** Without the packaging's own number: `1.109.0` of `1.109.0-1`. */
function upstreamVersion({ version }: PartFolder): string {
  return version.replace(/-\d+$/, '');
}

function hasVersion(part: PartFolder, version: string): boolean {
  return version === '' || version === upstreamVersion(part);
}

/** The bucket of the agent in each region. */
function agentHost({ parts, key }: HostsOptions): OfficialHost {
  const signed = signedFile('.deb', () => key('amazon-ecs'), 'armored');
  return {
    names: ['s3.*.amazonaws.com'],
    over: 'https',
    faults: ['wrong-signature', 'wrong-checksum', 'expired-key', 'missing'],
    answer: async ({ host, path, fault }) => {
      const bucket = `/amazon-ecs-agent-${host.split('.')[1]}/`;
      if (!path.startsWith(bucket)) return missing('no such bucket');
      const found = /^amazon-ecs-init-(?:latest|([\d.]+)-\d+)\.amd64\.deb(\.asc)?$/.exec(path.slice(bucket.length));
      if (found === null) return missing('no such path');
      const part = await parts.get('amazon-ecs-init');
      if (part === null) return noPart('amazon-ecs-init');
      const [, version = '', asc] = found;
      if (!hasVersion(part, version)) return missing(`the lab has the agent ${part.version}`);
      return signed(part, { isSignature: asc !== undefined, fault });
    },
  };
}

function awsCliHost({ parts, key }: HostsOptions): OfficialHost {
  const signed = signedFile('.zip', () => key('aws-cli'), 'binary');
  return {
    names: ['awscli.amazonaws.com'],
    over: 'https',
    faults: ['wrong-signature', 'wrong-checksum', 'expired-key', 'missing'],
    answer: async ({ path, fault }) => {
      const found = /^\/awscli-exe-linux-x86_64(?:-([\d.]+))?\.zip(\.sig)?$/.exec(path);
      if (found === null) return missing('no such path');
      const part = await parts.get('aws-cli');
      if (part === null) return noPart('aws-cli');
      const [, version = '', sig] = found;
      if (!hasVersion(part, version)) return missing(`the lab has the AWS CLI ${part.version}`);
      return signed(part, { isSignature: sig !== undefined, fault });
    },
  };
}

/** Archives of Node. Nothing of them is signed here: whoever fetches one knows the hash of what is in it. */
function nodeHost({ parts }: HostsOptions): OfficialHost {
  return {
    names: ['nodejs.org'],
    over: 'https',
    faults: ['wrong-checksum', 'missing'],
    answer: async ({ path }) => {
      const [, version = '', name] = /^\/dist\/v([\d.]+)\/([^/]+\.tar\.gz)$/.exec(path) ?? [];
      if (name === undefined) return missing('no such path');
      const part = await parts.get('nodejs');
      if (part === null) return noPart('nodejs');
      return hasVersion(part, version) ? inPart(part, name) : missing(`the lab has Node ${part.version}`);
    },
  };
}

function ubuntuHost({ ubuntu }: HostsOptions): OfficialHost {
  return {
    names: ['archive.ubuntu.com', '*.ec2.archive.ubuntu.com', 'security.ubuntu.com'],
    over: 'http',
    // Its key is in base images, where nothing can be done to it any more.
    faults: ['wrong-signature', 'wrong-checksum', 'missing'],
    answer: async ({ path, fault }) => {
      const below = /^\/ubuntu\/(.+)$/.exec(path)?.[1];
      if (below === undefined) return missing('no such path');
      const served = await ubuntu.get(below);
      if (fault !== 'wrong-signature' || served.kind !== 'bytes' || !/\/(In)?Release$/.test(below)) return served;
      const content = Buffer.from(served.bytes).toString('utf8');
      return text(tampered({ inRelease: content, release: '', signature: '' }).inRelease);
    },
  };
}

/** GitHub's feeds, by which a plan knows which versions there are. */
function feedHost({ parts }: HostsOptions): OfficialHost {
  const feeds: Readonly<Record<string, { readonly part: string; readonly tag: (version: string) => string }>> = {
    '/aws/amazon-ecs-agent/releases.atom': { part: 'amazon-ecs-init', tag: (version) => `v${version}` },
    '/aws/aws-cli/tags.atom': { part: 'aws-cli', tag: (version) => version },
  };
  return {
    names: ['github.com'],
    over: 'plan',
    faults: ['missing'],
    answer: async ({ path }) => {
      const feed = Object.hasOwn(feeds, path) ? feeds[path] : undefined;
      if (feed === undefined) return missing('no such feed');
      const part = await parts.get(feed.part);
      if (part === null) return noPart(feed.part);
      const repository = path.slice(0, path.lastIndexOf('/'));
      const link = `https://github.com${repository}/releases/tag/${feed.tag(upstreamVersion(part))}`;
      return text(
        `<?xml version="1.0" encoding="UTF-8"?>\n<feed xmlns="http://www.w3.org/2005/Atom">\n` +
          `  <entry><link rel="alternate" type="text/html" href="${link}"/></entry>\n</feed>\n`,
      );
    },
  };
}

/** Everything that the door has: by their hosts, the parts in the layout of whom they stand for. */
export function createOfficialHosts(options: HostsOptions): readonly OfficialHost[] {
  return [
    dockerHost(options),
    toolkitHost(options),
    driverHost(options),
    agentHost(options),
    awsCliHost(options),
    nodeHost(options),
    ubuntuHost(options),
    feedHost(options),
  ];
}
