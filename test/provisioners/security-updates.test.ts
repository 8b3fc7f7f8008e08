import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { SECURITY_ONLY, updatedPackages } from '../../provisioners/lib/security-updates.ts';
import { ask, textOf } from '../../provisioners/lib/tool.ts';
import { tempFolder } from '../support/temp-folder.ts';

describe('security updates', () => {
  test('are written down: what is there in another version, or new', () => {
    const before = new Map([
      ['openssl', '3.0.19-1'],
      ['bash', '5.2.15-2'],
      ['gone', '1'],
    ]);
    const after = new Map([
      ['openssl', '3.0.22-1'],
      ['bash', '5.2.15-2'],
      ['libnew', '1.0'],
    ]);
    expect(updatedPackages(before, after)).toEqual([
      { name: 'openssl', from: '3.0.19-1', to: '3.0.22-1' },
      { name: 'libnew', from: 'none', to: '1.0' },
    ]);
  });

  // The real apt, on archives that stand in a folder: what it would do is what it would do on a build instance.
  test('take what the security suite has, and neither a kernel nor anything of another suite', async (context) => {
    if ((await ask`apt-get --version`).exitCode !== 0) context.skip('no apt here');
    const folder = tempFolder();
    const archive = async (suite: string, packages: Readonly<Record<string, string>>): Promise<string> => {
      const release = join(folder, suite);
      await mkdir(release);
      const stanzas = Object.entries(packages).map(([name, version]) => stanza(name, version, suite));
      await writeFile(join(release, 'Packages'), stanzas.join('\n'));
      await writeFile(join(release, 'Release'), `Origin: Ubuntu\nLabel: Ubuntu\nSuite: ${suite}\nCodename: jammy\n`);
      return `deb [trusted=yes] file:${release} ./`;
    };
    const sources = [
      await archive('jammy', { 'a-tool': '1.0' }),
      await archive('jammy-updates', { 'a-tool': '1.2', 'no-fix': '2.0' }),
      await archive('jammy-security', {
        'a-tool': '1.1',
        'linux-image-aws': '6.9',
        snapd: '2.99',
        'amazon-ssm-agent': '9',
      }),
    ];
    const installed = {
      'a-tool': '1.0',
      'no-fix': '1.0',
      'linux-image-aws': '6.8',
      snapd: '2.60',
      'amazon-ssm-agent': '8',
    };
    await writeFile(join(folder, 'sources.list'), `${sources.join('\n')}\n`);
    await writeFile(join(folder, 'pins'), SECURITY_ONLY);
    await writeFile(
      join(folder, 'status'),
      Object.entries(installed)
        .map(([name, version]) => stanza(name, version))
        .join('\n'),
    );
    const options = [
      `--option=Dir::State=${folder}/state`,
      `--option=Dir::State::status=${folder}/status`,
      `--option=Dir::Cache=${folder}/cache`,
      `--option=Dir::Etc::SourceList=${folder}/sources.list`,
      '--option=Dir::Etc::SourceParts=/dev/null',
      `--option=Dir::Etc::Preferences=${folder}/pins`,
      '--option=Dir::Etc::PreferencesParts=/dev/null',
      '--option=APT::Architecture=amd64',
      '--option=APT::Sandbox::User=root',
    ];
    await textOf`mkdir -p ${folder}/state/lists/partial ${folder}/cache/archives/partial`;
    await textOf`apt-get ${options} update`;
    const would = await textOf`apt-get ${options} --simulate --with-new-pkgs upgrade`;
    const names = would
      .split('\n')
      .flatMap((line) => /^Inst (\S+) \[\S+\] \((\S+)/.exec(line)?.slice(1, 3).join(' ') ?? []);
    expect(names).toEqual(['a-tool 1.1']);
  });
});

/** A package as an archive lists it, or as dpkg has it installed. */
function stanza(name: string, version: string, suite?: string): string {
  const where =
    suite === undefined
      ? 'Status: install ok installed\n'
      : `Filename: ./${name}.deb\nSize: 1\nSHA256: ${'0'.repeat(64)}\n`;
  const about = `Architecture: amd64\nMaintainer: x <x@example.com>\n${where}Description: x\n`;
  return `Package: ${name}\nVersion: ${version}\n${about}`;
}
