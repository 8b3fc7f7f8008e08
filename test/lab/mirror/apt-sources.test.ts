import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { chooseMirrors, PUBLIC_MIRRORS, parseAptSources, readAptMirrors } from '../../../lab/mirror/apt-sources.ts';
import { tempFolder } from '../../support/temp-folder.ts';

describe('apt sources', () => {
  test('reads the one-line format, with options and comments', () => {
    const sources = parseAptSources(
      [
        '# deb http://old.example/debian bookworm main',
        'deb [arch=amd64 signed-by=/usr/share/x.gpg] https://mirror.example/debian/ bookworm main contrib # ours',
        'deb-src https://mirror.example/debian bookworm main',
        'deb http://mirror.example/debian-security bookworm-security main',
      ].join('\n'),
      'list',
    );
    expect(sources).toEqual([
      { uri: 'https://mirror.example/debian/', suites: ['bookworm'], components: ['main', 'contrib'] },
      { uri: 'http://mirror.example/debian-security', suites: ['bookworm-security'], components: ['main'] },
    ]);
    expect(chooseMirrors(sources)).toEqual({
      debian: 'https://mirror.example/debian',
      debianSecurity: 'http://mirror.example/debian-security',
    });
  });

  test('reads deb822 stanzas, with comments inside, continuation lines and disabled ones', () => {
    const sources = parseAptSources(
      `Types: deb deb-src
# a comment between fields
URIs: http://one.example/debian
Suites: bookworm
 bookworm-updates
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Types: deb
URIs: http://two.example/debian
Suites: bookworm
Components: main
Enabled: no

Types: deb-src
URIs: http://three.example/debian
Suites: bookworm
Components: main
`,
      'sources',
    );
    expect(sources).toEqual([
      { uri: 'http://one.example/debian', suites: ['bookworm', 'bookworm-updates'], components: ['main'] },
    ]);
  });

  test('takes the public mirrors on Ubuntu, and for what is not http', () => {
    const ubuntu = parseAptSources(
      'deb http://archive.ubuntu.com/ubuntu focal main\ndeb http://security.ubuntu.com/ubuntu focal-security main\n',
      'list',
    );
    expect(chooseMirrors(ubuntu)).toEqual(PUBLIC_MIRRORS);
    expect(chooseMirrors(parseAptSources('deb file:///srv/debian bookworm main\n', 'list'))).toEqual(PUBLIC_MIRRORS);
  });

  describe('of a machine', () => {
    test('come from sources.list and the files beside it', async () => {
      const folder = tempFolder();
      await mkdir(join(folder, 'sources.list.d'));
      await writeFile(join(folder, 'sources.list.d', 'tool.list'), 'deb https://packages.example/tool stable main\n');
      await writeFile(join(folder, 'sources.list.d', 'broken.save'), 'deb http://wrong.example/debian bookworm main\n');
      await writeFile(
        join(folder, 'sources.list.d', 'debian.sources'),
        'Types: deb\nURIs: http://near.example/debian\nSuites: bookworm\nComponents: main\n',
      );
      expect(await readAptMirrors(folder)).toEqual({
        debian: 'http://near.example/debian',
        debianSecurity: PUBLIC_MIRRORS.debianSecurity,
      });
      expect(await readAptMirrors(join(folder, 'nowhere'))).toEqual(PUBLIC_MIRRORS);
    });
  });
});
