import { cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { buildDeb, type Control } from '../debian/build-deb.ts';

export type Sources = {
  /** NVIDIA's module as the proxy has it: its packaging and its units are taken from there, not written anew. */
  readonly module: string;
  /** Compiled programs, under the names that they are installed by. */
  readonly programs: string;
  /** Of the packages: `1.20.0-1`. */
  readonly version: string;
  readonly out: string;
};

const UNITS = ['nvidia-cdi-refresh.path', 'nvidia-cdi-refresh.service'];

/** What debhelper would have put in place of its mark: units are enabled and started, but for those that are masked. */
const START_UNITS = `
if [ "$1" = configure ]; then
	for unit in ${UNITS.join(' ')}; do
		deb-systemd-helper unmask "$unit" >/dev/null || true
		if deb-systemd-helper --quiet was-enabled "$unit"; then
			deb-systemd-helper enable "$unit" >/dev/null || true
		else
			deb-systemd-helper update-state "$unit" >/dev/null || true
		fi
	done
	if [ -d /run/systemd/system ]; then
		systemctl --system daemon-reload >/dev/null || true
		deb-systemd-invoke start ${UNITS.join(' ')} >/dev/null || true
	fi
fi
`;

const STOP_UNITS = `#!/bin/sh
set -e
if [ "$1" = remove ] && [ -d /run/systemd/system ]; then
	deb-systemd-invoke stop ${UNITS.join(' ')} >/dev/null || true
fi
`;

const PURGE_UNITS = `#!/bin/sh
set -e
if [ "$1" = purge ]; then
	deb-systemd-helper purge ${UNITS.join(' ')} >/dev/null || true
	deb-systemd-helper unmask ${UNITS.join(' ')} >/dev/null || true
fi
if [ -d /run/systemd/system ]; then
	systemctl --system daemon-reload >/dev/null || true
fi
`;

/** Pure: a package's fields out of a source package's control file, with the marks of its packaging filled in. */
export function controlOf(text: string, name: string, version: string): Control {
  const [source = '', ...packages] = text.split(/\n\s*\n/);
  const fieldsOf = (stanza: string): [string, string][] =>
    stanza
      .trim()
      .split(/\n(?! )/)
      .map((field) => [field.slice(0, field.indexOf(':')), field.slice(field.indexOf(':') + 1).trim()]);
  const own = packages.find((stanza) => stanza.trim().startsWith(`Package: ${name}\n`));
  if (own === undefined) throw new Error(`there is no package ${name} in the toolkit's packaging`);
  const of = Object.fromEntries(fieldsOf(source));
  const fill = (value: string): string =>
    value
      .replaceAll('@SECTION@', '')
      .replaceAll('@VERSION@', version)
      .split(/,\s*/)
      .filter((relation) => !relation.startsWith('${'))
      .join(', ');
  const fields = fieldsOf(own).flatMap(([field, value]): [string, string][] => {
    const filled = field === 'Description' ? value : fill(value);
    return filled === '' ? [] : [[field, filled]];
  });
  return {
    ...Object.fromEntries(fields),
    Architecture: 'amd64',
    Version: version,
    Section: fill(of['Section'] ?? 'utils'),
    Priority: of['Priority'] ?? 'optional',
    Maintainer: of['Maintainer'] ?? '',
    Homepage: of['Homepage'] ?? '',
  };
}

/** Pure: what a debhelper list installs where: pairs of a file's name and a folder. */
export function installed(list: string): readonly { readonly name: string; readonly folder: string }[] {
  return list
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .flatMap(([name = '', folder = '']) => (folder === '' ? [] : [{ name, folder }]));
}

async function pack(sources: Sources, name: string, deb: Partial<Parameters<typeof buildDeb>[0]>): Promise<string> {
  const { version, out } = sources;
  const tree = join(out, name);
  const file = `${name}_${version}_amd64.deb`;
  const control = deb.control ?? {};
  await buildDeb({ ...deb, tree, control: { Package: name, ...control }, out: join(out, file) });
  await rm(tree, { recursive: true });
  return file;
}

/** One of the toolkit's own packages, by its own packaging. */
async function packToolkit(sources: Sources, name: string): Promise<string> {
  const { module, programs, version, out } = sources;
  const packaging = join(module, 'packaging', 'debian');
  const tree = join(out, name);
  const conffiles: string[] = [];
  for (const file of installed(await readFile(join(packaging, `${name}.install`), 'utf8'))) {
    const isUnit = file.name.startsWith('nvidia-cdi-refresh.');
    await mkdir(join(tree, file.folder), { recursive: true });
    const from = isUnit ? join(module, 'deployments', 'systemd', file.name) : join(programs, file.name);
    await cp(from, join(tree, file.folder, file.name));
    if (file.folder.startsWith('/etc/')) conffiles.push(join(file.folder, file.name));
  }
  const doc = join(tree, 'usr', 'share', 'doc', name);
  await mkdir(doc, { recursive: true });
  await cp(join(packaging, 'copyright'), join(doc, 'copyright'));
  const isBase = name.endsWith('-base');
  const script = async (kind: string, mark: string): Promise<string> =>
    (await readFile(join(packaging, `${name}.${kind}`), 'utf8')).replace('#DEBHELPER#', mark);
  const scripts: Record<string, string> = isBase
    ? { postinst: await script('postinst', START_UNITS), prerm: STOP_UNITS, postrm: PURGE_UNITS }
    : { postinst: await script('postinst', ''), postrm: await script('postrm', '') };
  const control = controlOf(await readFile(join(packaging, 'control'), 'utf8'), name, version);
  return pack(sources, name, { control, conffiles, scripts });
}

const ABOUT = `This is no software of NVIDIA's: a stand-in of ecs-host's lab, which takes what
nvidia-container-runtime-hook asks nvidia-container-cli for, and nothing else.
`;

/** The two packages of libnvidia-container, whose source is in no registry. */
async function packLibrary(sources: Sources, name: string, control: Control): Promise<string> {
  const doc = join(sources.out, name, 'usr', 'share', 'doc', name);
  await mkdir(doc, { recursive: true });
  await writeFile(join(doc, 'README'), ABOUT);
  return pack(sources, name, {
    control: {
      Version: sources.version,
      Architecture: 'amd64',
      Priority: 'optional',
      Maintainer: 'ecs-host <lab@ecs-host.invalid>',
      ...control,
    },
  });
}

/** Packs the four packages that a profile pins. @returns their file names */
export async function packAll(sources: Sources): Promise<readonly string[]> {
  const { programs, version, out } = sources;
  const tools = 'libnvidia-container-tools';
  await mkdir(join(out, tools, 'usr', 'bin'), { recursive: true });
  await cp(join(programs, 'nvidia-container-cli'), join(out, tools, 'usr', 'bin', 'nvidia-container-cli'));
  const upstream = version.replace(/-\d+$/, '');
  return [
    await packToolkit(sources, 'nvidia-container-toolkit'),
    await packToolkit(sources, 'nvidia-container-toolkit-base'),
    await packLibrary(sources, tools, {
      Section: 'utils',
      Depends: `libnvidia-container1 (>= ${upstream}), libc6 (>= 2.31)`,
      Description: "stand-in of the lab for libnvidia-container's program",
    }),
    await packLibrary(sources, 'libnvidia-container1', {
      Section: 'libs',
      'Multi-Arch': 'same',
      Description: "stand-in of the lab for libnvidia-container's library: nothing, as only its program used it",
    }),
  ];
}
