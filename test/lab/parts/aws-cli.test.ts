import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, cpSync, mkdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { awsCli } from '../../../lab/parts/aws-cli/aws-cli.ts';
import { projectFolder } from '../../../src/io/paths.ts';
import { tempFolder } from '../../support/temp-folder.ts';

const PART = join(projectFolder(), 'lab', 'parts', 'aws-cli');

/** A bundle with an AWS CLI that says its version and nothing else. */
function bundleOf(version: string, folder: string): string {
  const bundle = join(folder, `aws-${version}`);
  mkdirSync(join(bundle, 'dist'), { recursive: true });
  cpSync(join(PART, 'install.sh'), join(bundle, 'install'));
  chmodSync(join(bundle, 'install'), 0o755);
  for (const name of ['aws', 'aws_completer'])
    writeFileSync(join(bundle, 'dist', name), `#!/bin/sh\necho 'aws-cli/${version} Python/3 Linux/6'\n`, {
      mode: 0o755,
    });
  return join(bundle, 'install');
}

describe('the installer of the AWS CLI', () => {
  const install = (program: string, ...args: string[]) => spawnSync(program, args, { encoding: 'utf8' });

  test('installs under the version that the CLI says, and links to it', () => {
    const folder = tempFolder();
    const [to, bin] = [join(folder, 'aws-cli'), join(folder, 'bin')];
    const { status, stdout } = install(bundleOf('2.23.6', folder), '--update', '--install-dir', to, '--bin-dir', bin);
    expect([status, stdout]).toEqual([0, `You can now run: ${bin}/aws --version\n`]);
    expect(readlinkSync(join(bin, 'aws'))).toBe(join(to, 'v2/current/bin/aws'));
    expect(readlinkSync(join(to, 'v2/current'))).toBe(join(to, 'v2/2.23.6'));
    expect(execFileSync(join(bin, 'aws'), { encoding: 'utf8' })).toContain('aws-cli/2.23.6');
    expect(execFileSync(join(bin, 'aws_completer'), { encoding: 'utf8' })).toContain('2.23.6');
  });

  test('replaces another version only when it is told to update, and the same one never', () => {
    const folder = tempFolder();
    const options = ['-i', join(folder, 'aws-cli'), '-b', join(folder, 'bin')];
    expect(install(bundleOf('2.1.0', folder), ...options).status).toBe(0);
    const newer = bundleOf('2.2.0', folder);
    expect(install(newer, ...options)).toMatchObject({ status: 1, stderr: expect.stringContaining('--update') });
    expect(install(newer, '-u', ...options).status).toBe(0);
    expect(readlinkSync(join(folder, 'aws-cli/v2/current'))).toBe(join(folder, 'aws-cli/v2/2.2.0'));
    expect(install(newer, '-u', ...options)).toMatchObject({ status: 0, stdout: expect.stringContaining('Skipping') });
  });

  test('refuses what it does not know, and a bundle that does not run', () => {
    const folder = tempFolder();
    const program = bundleOf('2.1.0', folder);
    expect(install(program, '--prefix', '/x')).toMatchObject({
      status: 1,
      stderr: expect.stringContaining('--prefix'),
    });
    expect(install(program, '-i').status).toBe(1);
    expect(install(program, '-h').status).toBe(0);
    writeFileSync(join(folder, 'aws-2.1.0/dist/aws'), '#!/bin/sh\nexit 1\n');
    expect(install(program, '-i', join(folder, 'x'))).toMatchObject({
      status: 1,
      stderr: expect.stringContaining('run'),
    });
  });
});

test('the part says that the CLI is none of AWS, and its digest is that of its sources', async () => {
  expect(awsCli).toMatchObject({ name: 'aws-cli', substitution: { component: 'aws-cli' } });
  expect(await awsCli.digest()).toBe(await awsCli.digest());
});

test('the zip is the same bytes each time, and what may be run stays so', () => {
  const folder = tempFolder();
  bundleOf('2.1.0', join(folder, 'in'));
  writeFileSync(join(folder, 'in/aws-2.1.0/README.md'), 'text\n');
  const pack = (name: string): Buffer => {
    execFileSync('python3', [join(PART, 'pack.py'), join(folder, 'in'), join(folder, name)]);
    return readFileSync(join(folder, name));
  };
  expect(pack('one.zip')).toEqual(pack('two.zip'));
  const list =
    'import sys,zipfile\nfor i in zipfile.ZipFile(sys.argv[1]).infolist(): print(oct(i.external_attr>>16), i.filename)';
  expect(
    execFileSync('python3', ['-c', list, join(folder, 'one.zip')], { encoding: 'utf8' })
      .trim()
      .split('\n'),
  ).toEqual([
    '0o100644 aws-2.1.0/README.md',
    '0o100755 aws-2.1.0/dist/aws',
    '0o100755 aws-2.1.0/dist/aws_completer',
    '0o100755 aws-2.1.0/install',
  ]);
});
