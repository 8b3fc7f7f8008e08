import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { ownDropIn } from '../../provisioners/concerns/host-service.ts';
import { swapUnit } from '../../provisioners/concerns/limits.ts';
import schema from '../../src/config/hosts.schema.json' with { type: 'json' };
import { DIRECTIVE_SINCE, IGNORED, RELEASES, VALUE_SINCE } from '../fixtures/systemd-versions.ts';

const PROJECT = join(import.meta.dirname, '../..');
/** Where units, drop-ins and systemd's own settings are kept; the lab's machines are made of bookworm alone. */
const FOLDERS = ['packer/rootfs/etc/systemd', 'lab/base-image/rootfs/etc/systemd', 'lab/ecs-agent/package/lib/systemd'];

async function filesIn(folder: string): Promise<{ name: string; text: string }[]> {
  const entries = await readdir(join(PROJECT, folder), { recursive: true });
  const names = entries.filter((name) => /\.(service|socket|timer|swap|mount|path|target|slice|conf)$/.test(name));
  return Promise.all(names.map(async (name) => ({ name, text: await readFile(join(PROJECT, folder, name), 'utf8') })));
}

type Line = { readonly file: string; readonly directive: string; readonly line: string };

/** Settings of a unit file; a line that ends with a backslash goes on in the next. */
function settings({ name, text }: { name: string; text: string }): Line[] {
  return text
    .replaceAll('\\\n', ' ')
    .split('\n')
    .flatMap((line) => {
      const directive = /^([A-Za-z]+)\s*=/.exec(line)?.[1];
      return directive === undefined ? [] : [{ file: name, directive, line }];
    });
}

const written = [
  { name: 'swapfile.swap', text: swapUnit() },
  { name: 'ecs-host.service.d/10-program.conf', text: ownDropIn('/opt/ecs-host/bin/own-program') },
];
const lines = [...(await Promise.all([...FOLDERS, 'src/dev-host/watch'].map(filesIn))).flat(), ...written].flatMap(
  settings,
);

/** What of the lines a systemd does not know. */
function unknownTo(version: number, all: readonly Line[]): string[] {
  const late = all.filter(({ directive, line }) => {
    const since = Math.max(
      DIRECTIVE_SINCE[directive] ?? 0,
      ...VALUE_SINCE.filter((value) => value.line.test(line)).map((value) => value.since),
    );
    return since > version;
  });
  return [...new Set(late.map(({ directive }) => directive))].sort();
}

describe('every unit and drop-in', () => {
  test('is looked at', () => {
    const files = new Set(lines.map(({ file }) => file));
    for (const name of ['system/ecs-host.service', 'system/docker.service.d/10-ecs-host-gate.conf', 'swapfile.swap'])
      expect(files).toContain(name);
    expect(files.size).toBeGreaterThan(20);
  });

  test('uses only directives of which the version is known', () => {
    const strange = lines.filter(({ directive }) => !Object.hasOwn(DIRECTIVE_SINCE, directive));
    expect(strange).toEqual([]);
  });

  test('and the table has no directive that is used nowhere', () => {
    const used = new Set(lines.map(({ directive }) => directive));
    expect(Object.keys(DIRECTIVE_SINCE).filter((directive) => !used.has(directive))).toEqual([]);
  });

  test('is of releases that a profile can be of', () => {
    expect(Object.keys(RELEASES).sort()).toEqual(
      schema.$defs.profile.properties.os.properties.codename.enum.toSorted(),
    );
  });

  test.for(Object.entries(RELEASES))(
    'is understood by systemd of %s but for what may be ignored',
    ([name, version]) => {
      expect(unknownTo(version, lines)).toEqual(IGNORED[name as keyof typeof RELEASES]);
    },
  );

  test('that was too new would be found, also by its value alone', () => {
    const text = '[Service]\nType=notify-reload\nProtectProc=invisible\nExecStart=/bin/true\n';
    expect(unknownTo(245, settings({ name: 'x.service', text }))).toEqual(['ProtectProc', 'Type']);
    expect(unknownTo(253, settings({ name: 'x.service', text }))).toEqual([]);
  });
});
