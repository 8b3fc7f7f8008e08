import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { beforeAll, describe, expect, test } from 'vitest';
import { nvidiaDriver, optionsOf, runFileName } from '../../../lab/parts/nvidia-driver/nvidia-driver.ts';
import { ensurePart, type Part } from '../../../lab/parts/part.ts';
import { installerArguments } from '../../../provisioners/lib/nvidia-decisions.ts';
import { sharedTempFolder } from '../../support/temp-folder.ts';

const VERSION = '580.178.04';

/** One library and one program, as the part with the userland lists them. */
const userland: Part = {
  name: 'nvidia-userland-fake',
  substitution: { component: 'nvidia-userland', source: 'a test', reason: 'a test' },
  digest: async () => 'fake',
  build: async ({ folder }) => {
    const files = [
      { name: `lib/libcuda.so.${VERSION}`, mode: '0755', target: `/usr/lib/x86_64-linux-gnu/libcuda.so.${VERSION}` },
      { name: 'bin/nvidia-modprobe', mode: '4755', target: '/usr/bin/nvidia-modprobe' },
    ];
    for (const { name } of files) {
      await mkdir(join(folder, name, '..'), { recursive: true });
      await writeFile(join(folder, name), `${name}\n`);
    }
    const links = [{ path: '/usr/lib/x86_64-linux-gnu/libcuda.so.1', to: `libcuda.so.${VERSION}` }];
    await writeFile(join(folder, 'part.json'), JSON.stringify({ version: VERSION, files, links }));
  },
};

test('options came with branches', async () => {
  const table = await readFile(join(import.meta.dirname, '../../../lab/parts/nvidia-driver/installer/options'), 'utf8');
  const names = (branch: number) =>
    optionsOf(table, branch)
      .split('\n')
      .map((line) => line.split(' ')[0]);
  expect(names(580)).toEqual(expect.arrayContaining(['kernel-module-type', 'skip-module-load']));
  expect(names(550)).not.toContain('kernel-module-type');
  expect(names(470)).not.toContain('skip-module-load');
});

describe('the file that is run', () => {
  const folder = sharedTempFolder();
  let file: string;
  const build = async (kind: 'data-center' | 'grid' = 'data-center', version = VERSION): Promise<string> => {
    const part = await ensurePart(nvidiaDriver({ version, kind, userland }), folder, () => {});
    return join(part, runFileName({ version, kind }));
  };
  beforeAll(async () => {
    file = await build();
  });
  /** Whatever becomes of these tests: on the machine that runs them it finds no kernel to build for. */
  const install = (...options: readonly string[]) =>
    execa('sh', [file, '--kernel-source-path=/nonexistent', `--log-file-name=${folder}/log`, ...options], {
      reject: false,
      cwd: folder,
    });

  test('it has the name of the real one and the same bytes each time', async () => {
    expect(file).toMatch(/\/NVIDIA-Linux-x86_64-580\.178\.04\.run$/);
    expect(await build('grid')).toMatch(/\/NVIDIA-Linux-x86_64-580\.178\.04-grid-aws\.run$/);
    const hash = async (): Promise<string> =>
      createHash('sha256')
        .update(await readFile(file))
        .digest('hex');
    const before = await hash();
    await rm(join(file, '..'), { recursive: true });
    await build();
    expect(await hash()).toBe(before);
    expect(JSON.parse(await readFile(join(file, '../part.json'), 'utf8'))).toMatchObject({
      version: VERSION,
      files: [{ name: runFileName({ version: VERSION, kind: 'data-center' }), sha256: before }],
    });
  });

  test('the wrapper checks itself, and unpacks without installing', async () => {
    expect((await install('--check')).stdout).toContain('OK');
    expect((await install('--info')).stdout).toContain(VERSION);
    expect((await install('--extract-only', '--target', join(folder, 'unpacked'))).exitCode).toBe(0);
    expect(await readdir(join(folder, 'unpacked'))).toEqual(
      expect.arrayContaining(['kernel', 'kernel-open', 'nvidia-installer', 'options', 'userland']),
    );
    const damaged = join(folder, 'damaged.run');
    await writeFile(damaged, Buffer.concat([await readFile(file), Buffer.from('x')]));
    const { exitCode, stderr } = await execa('sh', [damaged, '--silent'], { reject: false });
    expect([exitCode, stderr]).toEqual([2, expect.stringContaining('not whole')]);
  });

  test.each([
    [['--silent', '--kernel-flavour=aws'], 'unrecognized option: "--kernel-flavour=aws"'],
    [['silent'], 'invalid option: "silent"'],
    [['--silent=yes'], 'option "--silent=yes" does not take an argument, but was given an argument of "yes"'],
    [['--kernel-name'], 'option "--kernel-name" requires an argument.'],
    [['--kernel-name='], 'requires an argument.'],
    [['--concurrency-level=many'], '"many" is not a valid argument for option "--concurrency-level=many"'],
    [['--no-silent'], 'unrecognized option: "--no-silent"'],
    [['--kernel-module-type=grid'], "'grid' is not a valid kernel module type."],
    [
      ['-m=kernel', '-M', 'open'],
      "Conflicting options set the kernel module build directory to both 'kernel-open' and",
    ],
    [['--kernel-module-build-directory=kernel-fast'], "'kernel-fast' is not a valid kernel module directory."],
    [['-sx'], 'unrecognized option: "-sx"'],
  ])('%j is no command line of it', async (options, why) => {
    const { exitCode, stderr } = await install(...options);
    expect(stderr).toContain(why);
    expect(stderr).toContain('ERROR: Invalid commandline, please run');
    expect(exitCode).toBe(1);
  });

  test.each([['--expert'], ['--module-signing-secret-key=/k'], ['--install-compat32-libs'], ['--ui=ncurses']])(
    '%s is known to the real one, and was not taught',
    async (option) => {
      const { exitCode, stderr } = await install('--silent', option);
      expect([exitCode, stderr]).toEqual([1, expect.stringContaining('was not taught it')]);
    },
  );

  test('all that provisioners pass is known; so are short forms and options that negate', async () => {
    const nvidia = { driverVersion: VERSION, kernelModule: 'open' } as Parameters<typeof installerArguments>[0];
    const given = installerArguments(nvidia, '5.15.0-1084-aws', '6.1.0');
    expect(given).toContain('--skip-module-load');
    const { exitCode, stdout } = await install(...given, '-sq', '-j8', '--no-dkms', '-k', 'name', '--version');
    expect([exitCode, stdout]).toEqual([0, expect.stringContaining(VERSION)]);
  });

  test('help names every option', async () => {
    const { stdout } = await install('-A');
    for (const option of [
      '--dkms, --no-dkms',
      '--kernel-name=KERNEL_NAME',
      '-M, --kernel-module-type=KERNEL_MODULE_TYPE',
    ])
      expect(stdout).toContain(option);
    expect((await install('--help')).stdout).not.toContain('--dkms');
  });

  test('a branch before R515 has no open modules', async () => {
    const old = await build('data-center', '470.256.02');
    const { exitCode, stderr } = await execa(
      'sh',
      [old, '-m', 'kernel-open', '--silent', `--log-file-name=${folder}/log`],
      {
        reject: false,
      },
    );
    expect([exitCode, stderr]).toEqual([1, expect.stringContaining("'kernel-open' is not present in this installer")]);
  });
});
