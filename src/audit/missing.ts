import type { ExplainInput } from './explain.ts';
import type { Finding } from './finding.ts';
import { DPKG, LISTS, realPath } from './packages.ts';

/** What a first boot of the base image makes, and the bake takes away again: it is missing on purpose. */
const TAKEN_AWAY = [
  /^\/etc\/ssh\/ssh_host_/,
  /^\/etc\/hostname$/,
  /^\/home\/[^/]+\/\.(ssh\/authorized_keys|cache(\/.*)?)$/,
  /^\/root\/\.ssh(\/.*)?$/,
  /^\/etc\/(netplan\/50-cloud-init\.yaml|network\/interfaces\.d\/50-cloud-init)$/,
  /^\/var\/lib\/cloud\//,
  /^\/var\/log\//,
  /^\/var\/lib\/apt\/lists\//,
  /^\/var\/cache\/(apt|ldconfig)\//,
  /^\/var\/lib\/systemd\/(random-seed|credential\.secret|timers\/.*)$/,
  /^\/var\/lib\/dhcp\//,
  /^\/var\/lib\/amazon\//,
  /^\/(tmp|var\/tmp|run|dev|proc|sys)\//,
  /^\/root\/\.(cache|gnupg|bash_history)(\/.*)?$/,
  /^\/etc\/systemd\/system\/timers\.target\.wants\/apt-daily(-upgrade)?\.timer$/,
  /^\/lost\+found$/,
];

function isTakenAway(path: string): boolean {
  return TAKEN_AWAY.some((each) => each.test(path));
}

type Exclusion = { readonly pattern: RegExp; readonly isOut: boolean };

/** dpkg's settings of what packages bring and is not unpacked (Ubuntu's minimal images). */
function exclusionsOf({ base }: ExplainInput): readonly Exclusion[] {
  const lines = [...base.contents].flatMap(([name, content]) =>
    /^\/etc\/dpkg\/dpkg\.cfg(\.d\/|$)/.test(name)
      ? [...content.toString('utf8').matchAll(/^path-(exclude|include)=(\S+)$/gm)]
      : [],
  );
  return lines.map(([, kind, glob = '']) => {
    const escaped = glob.replaceAll(/[.+^${}()|[\]\\]/g, '\\$&');
    const pattern = new RegExp(`^${escaped.replaceAll('*', '.*').replaceAll('?', '.')}$`);
    return { pattern, isOut: kind === 'exclude' };
  });
}

/** Of several settings that are about a path the last one counts. */
function isExcluded(path: string, exclusions: readonly Exclusion[]): boolean {
  return exclusions.findLast(({ pattern }) => pattern.test(path))?.isOut ?? false;
}

function gone(path: string, reason: string): Omit<Finding, 'step'> {
  return { path, kind: 'missing', reason, entry: null };
}

/** What packages have and the image has not, and what the base image has and no package or program took away. */
function ofPackages(input: ExplainInput): readonly Omit<Finding, 'step'>[] {
  const { image, base, packages } = input;
  const exclusions = exclusionsOf(input);
  return (
    [...packages.owners.keys()]
      .filter((path) => !image.entries.has(path) && !isExcluded(path, exclusions) && !isTakenAway(path))
      // What the base image lacks as well its makers left out.
      .filter((path) => !(input.basePackages.owners.has(path) && !base.entries.has(path)))
      .map((path) => gone(path, `package ${packages.owners.get(path)?.join(', ') ?? '?'} has it`))
  );
}

function ofBase(input: ExplainInput): readonly Omit<Finding, 'step'>[] {
  const { image, base, packages, basePackages } = input;
  return [...base.entries.keys()]
    .filter((path) => !image.entries.has(path) && !isTakenAway(path))
    .filter((path) => {
      const real = realPath(base.entries, path);
      const owners = basePackages.owners.get(real);
      // Another version of a package may have other files; of the same one they are missed above, by their checksums.
      if (owners !== undefined)
        return (
          owners.some((name) => packages.versions.get(name) === basePackages.versions.get(name)) &&
          !packages.checksums.has(real)
        );
      const isOfPackage = path.includes('/__pycache__/') || path.startsWith(`${DPKG}/`);
      return !isOfPackage;
    })
    .map((path) => gone(path, 'the base image has it'));
}

/** Packages that the base image has, or that the bake told of, and that are gone altogether. */
function wholePackages({ image, packages, basePackages, altered }: ExplainInput): readonly Omit<Finding, 'step'>[] {
  const list = (name: string): string => `${LISTS}${name}.list`;
  const ofBase = [...basePackages.versions.keys()].filter((name) => !packages.versions.has(name));
  const told = [...altered].filter((name) => !image.entries.has(list(name)));
  return [...ofBase, ...told].map((name) => gone(list(name), `package ${name} is gone`));
}

function ofProvisioners({ image, provisioned }: ExplainInput): readonly Omit<Finding, 'step'>[] {
  return provisioned
    .filter(({ path, isOptional }) => isOptional !== true && !path.includes('*') && !image.entries.has(path))
    .map(({ path, provisioner }) => gone(path, `provisioner ${provisioner} puts it`));
}

/** Pure: what should be on an image and is not. */
export function missingEntries(input: ExplainInput): readonly Omit<Finding, 'step'>[] {
  const found = [...ofProvisioners(input), ...ofPackages(input), ...ofBase(input), ...wholePackages(input)];
  return [...new Map(found.map((each) => [each.path, each])).values()];
}
