import { describe, expect, test } from 'vitest';
import {
  compareReleases,
  driverMistakes,
  headerPackages,
  installerArguments,
  isModuleFor,
  kernelThatWillBoot,
  moduleOptions,
  nvidiaConfigMistakes,
  packagesToHold,
  toolkitPackages,
} from '../../provisioners/lib/nvidia-decisions.ts';
import { nvidia } from '../fixtures/target-config.ts';

const TESLA_M60 = 0x13f2;
const T4 = 0x1eb8;
const L4 = 0x27b8;

describe('the kernel that will boot', () => {
  test('is the newest installed, whichever runs', () => {
    const boot = [
      'vmlinuz',
      'vmlinuz-5.15.0-1084-aws',
      'initrd.img-5.15.0-1099-aws',
      'vmlinuz-5.15.0-1099-aws',
      'config-5.4.0-9',
      'grub',
    ];
    expect(kernelThatWillBoot(boot)).toBe('5.15.0-1099-aws');
  });

  test('is compared by numbers', () => {
    expect(['5.15.0-99-aws', '5.15.0-1084-aws', '5.4.0-1103-aws', '6.1.0-9'].sort(compareReleases)).toEqual([
      '5.4.0-1103-aws',
      '5.15.0-99-aws',
      '5.15.0-1084-aws',
      '6.1.0-9',
    ]);
  });

  test('has to exist', () => {
    expect(() => kernelThatWillBoot(['vmlinuz.old'])).toThrow('no kernel');
  });

  test('gets its own headers', () => {
    expect(headerPackages('5.15.0-1084-aws')).toEqual(['linux-headers-5.15.0-1084-aws']);
  });

  test('is what a module says it is for', () => {
    expect(isModuleFor('5.15.0-1084-aws SMP mod_unload modversions ', '5.15.0-1084-aws')).toBe(true);
    expect(isModuleFor('5.15.0-1083-aws SMP mod_unload modversions ', '5.15.0-1084-aws')).toBe(false);
  });
});

describe('the driver', () => {
  test('fits a Maxwell GPU as proprietary module up to R580', () => {
    expect(driverMistakes(nvidia, [TESLA_M60])).toEqual([]);
    expect(driverMistakes({ ...nvidia, kernelModule: 'open' }, [TESLA_M60])).toEqual([
      expect.stringContaining('no open kernel module'),
    ]);
    expect(driverMistakes({ ...nvidia, driverVersion: '590.1' }, [TESLA_M60])).toEqual([
      expect.stringContaining('up to R580'),
    ]);
  });

  test('may be open from Turing on', () => {
    for (const device of [T4, L4]) expect(driverMistakes({ ...nvidia, kernelModule: 'open' }, [device])).toEqual([]);
  });

  test('cannot be judged without a GPU, and is not', () => {
    expect(driverMistakes({ ...nvidia, kernelModule: 'open' }, [])).toEqual([]);
  });

  test('is named the same in every field', () => {
    expect(nvidiaConfigMistakes(nvidia)).toEqual([]);
    const wrong = { ...nvidia, driverBranch: '570', driverUrl: 'http://example.com/1.run', driverSha256: 'abc' };
    expect(nvidiaConfigMistakes(wrong)).toHaveLength(4);
  });

  test('is built by DKMS for the kernel that will boot, which may not be the one to load it', () => {
    const same = installerArguments(nvidia, '5.15.0-1084-aws', '5.15.0-1084-aws');
    expect(same).toEqual(
      expect.arrayContaining([
        '--silent',
        '--dkms',
        '--kernel-module-type=proprietary',
        '--kernel-name=5.15.0-1084-aws',
      ]),
    );
    expect(same).not.toContain('--skip-module-load');
    expect(installerArguments(nvidia, '5.15.0-1099-aws', '5.15.0-1084-aws')).toContain('--skip-module-load');
  });

  test('of an older branch is told its module in the older way', () => {
    const at = (driverVersion: string) => installerArguments({ ...nvidia, driverVersion }, 'r', 'r').join(' ');
    expect(at('535.1')).toContain('--kernel-module-build-directory=kernel');
    expect(at('470.1')).not.toContain('kernel-module');
  });
});

describe('packages', () => {
  test('that must not move are held', () => {
    const installed = [
      'bash',
      'linux-aws',
      'linux-image-5.15.0-1084-aws',
      'linux-headers-5.15.0-1084-aws',
      'linux-modules-5.15.0-1084-aws',
      'linux-libc-dev',
      'linux-base',
      'libnvidia-container1',
      'nvidia-container-toolkit',
      'docker-ce',
    ];
    expect(packagesToHold(installed)).toEqual([
      'libnvidia-container1',
      'linux-aws',
      'linux-headers-5.15.0-1084-aws',
      'linux-image-5.15.0-1084-aws',
      'linux-modules-5.15.0-1084-aws',
      'nvidia-container-toolkit',
    ]);
  });

  test('of the toolkit are all of one version', () => {
    expect(new Set(toolkitPackages('1.20.0-1').map(({ version }) => version))).toEqual(new Set(['1.20.0-1']));
  });
});

test.each([
  [true, 'options nvidia NVreg_EnableGpuFirmware=0\n'],
  [false, ''],
])("without the GPU's own firmware: %s", (withoutFirmware, options) => {
  expect(moduleOptions({ ...nvidia, withoutFirmware })).toBe(options);
});
