import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { beforeAll, describe, expect, test } from 'vitest';
import { kernelPart } from '../../../lab/parts/kernel/kernel.ts';
import { moduleFile } from '../../../lab/parts/kernel/module-file.ts';
import { kernelOf } from '../../../lab/parts/kernel/release.ts';
import { ensurePart } from '../../../lab/parts/part.ts';
import { headerPackages, kernelThatWillBoot, packagesToHold } from '../../../provisioners/lib/nvidia-decisions.ts';
import { sharedTempFolder } from '../../support/temp-folder.ts';

const compiles = (await execa('sh', ['-c', 'command -v gcc make nm'], { reject: false })).exitCode === 0;

test.each([
  ['focal', '5.15.0-1084-aws', '5.15.0-1084.91~20.04.1', 'linux-aws-5.15'],
  ['jammy', '6.8.0-1035-aws', '6.8.0-1035.42~22.04.1', 'linux-aws-6.8'],
  ['noble', '6.14.0-1014-aws', '6.14.0-1014.21~24.04.1', 'linux-aws-6.14'],
] as const)('the kernel of %s is %s', (codename, release, version, source) => {
  expect(kernelOf(codename)).toMatchObject({ release, version, source });
});

test('a module is an object that says what it is', async () => {
  const file = moduleFile({ name: 'one', info: [['license', 'GPL']], exports: ['given'], imports: ['wanted'] });
  expect(file.subarray(0, 4)).toEqual(Buffer.from('\x7fELF', 'latin1'));
  for (const text of ['\0.modinfo\0', 'license=GPL\0', 'given\0', 'wanted\0']) expect(file.includes(text)).toBe(true);
});

describe('packages', () => {
  const folder = sharedTempFolder();
  const tree = join(folder, 'tree');
  const release = kernelOf('focal').release;
  const headers = join(tree, 'usr/src', `linux-headers-${release}`);
  let part: string;
  beforeAll(async () => {
    part = await ensurePart(kernelPart('focal'), folder, () => {});
    for (const name of await readdir(part))
      if (name.endsWith('.deb')) await execa('dpkg-deb', ['--extract', join(part, name), tree]);
    // Where the packages put it, it names the root.
    const makefile = join(headers, 'Makefile');
    await writeFile(makefile, (await readFile(makefile, 'utf8')).replace('/usr/src', join(tree, 'usr/src')));
  });

  const field = async (prefix: string, name: string): Promise<string> => {
    const file = (await readdir(part)).find((one) => one.startsWith(`${prefix}_`)) ?? '';
    return (await execa('dpkg-deb', ['--field', join(part, file), name])).stdout;
  };

  test('they are those of Ubuntu, and the same bytes each time', async () => {
    const names = (await readdir(part)).filter((name) => name.endsWith('.deb')).map((name) => name.split('_')[0] ?? '');
    expect(names.sort()).toEqual([
      'linux-aws',
      'linux-aws-5.15-headers-5.15.0-1084',
      'linux-headers-5.15.0-1084-aws',
      'linux-headers-aws',
      'linux-image-5.15.0-1084-aws',
      'linux-image-aws',
      'linux-modules-5.15.0-1084-aws',
    ]);
    expect(packagesToHold(names)).toEqual(names);
    expect(names).toEqual(expect.arrayContaining([...headerPackages(release)]));
    expect(await field('linux-aws', 'Depends')).toBe(
      'linux-image-aws (= 5.15.0.1084.91~20.04.1), linux-headers-aws (= 5.15.0.1084.91~20.04.1)',
    );
    expect(await field(`linux-image-${release}`, 'Source')).toBe('linux-signed-aws-5.15');
    const before = await readFile(join(part, 'part.json'), 'utf8');
    await rm(part, { recursive: true });
    await ensurePart(kernelPart('focal'), folder, () => {});
    expect(await readFile(join(part, 'part.json'), 'utf8')).toBe(before);
  });

  test('the newest in /boot is the one that will boot', async () => {
    expect(kernelThatWillBoot(await readdir(join(tree, 'boot')))).toBe(release);
  });

  const build = (source: string, target = 'modules') =>
    execa('make', ['-C', headers, `M=${source}`, target], { reject: false, all: true });
  const put = async (name: string, files: Readonly<Record<string, string>>): Promise<string> => {
    const source = join(folder, name);
    await execa('mkdir', ['-p', source]);
    for (const [file, text] of Object.entries(files)) await writeFile(join(source, file), text);
    return source;
  };

  test.skipIf(!compiles)('headers build a module out of several files, with what it needs', async () => {
    const source = await put('module', {
      Kbuild: 'obj-m := one.o two.o\none-y := first.o second.o\n',
      'first.c':
        '#include <linux/module.h>\nint second(void);\nint first(void) { return second(); }\n' +
        'EXPORT_SYMBOL(first);\nMODULE_LICENSE("GPL");\nMODULE_VERSION("1.2");\n',
      'second.c': 'int second(void);\nint second(void) { return 2; }\n',
      'two.c':
        '#include <linux/module.h>\nint first(void);\nstatic int __init start(void) { return first(); }\n' +
        'module_init(start);\n',
    });
    expect(await build(source)).toMatchObject({ exitCode: 0 });
    const two = await readFile(join(source, 'two.ko'));
    for (const text of ['depends=one\0', `vermagic=${release} SMP mod_unload \0`, 'name=two\0'])
      expect(two.includes(text)).toBe(true);
    expect((await readFile(join(source, 'one.ko'))).includes('version=1.2\0')).toBe(true);
    await build(source, 'clean');
    expect((await readdir(source)).filter((name) => name.endsWith('.ko'))).toEqual([]);
  });

  test.skipIf(!compiles)('what nobody exports, and what it was not taught, is refused', async () => {
    const lost = await put('lost', {
      Kbuild: 'obj-m := lost.o\n',
      'lost.c': 'int nowhere(void);\nint here(void);\nint here(void) { return nowhere(); }\n',
    });
    expect((await build(lost)).all).toContain('ERROR: modpost: "nowhere" [');
    const inside = await put('inside', { Kbuild: 'obj-y := inside.o\n' });
    expect((await build(inside)).all).toContain('Only obj-m is understood here');
    expect((await build(lost, 'bzImage')).all).toContain('cannot make "bzImage"');
  });
});
