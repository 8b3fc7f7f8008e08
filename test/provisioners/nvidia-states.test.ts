import { describe, expect, test } from 'vitest';
import { dkmsState, licenceIn, offersCdi, runtimeMode, whyNotHere } from '../../provisioners/lib/nvidia-states.ts';

const KERNEL = '5.15.0-1084-aws';
const VERSION = '580.178.04';

describe('DKMS', () => {
  test.each([
    ['of focal', `nvidia, ${VERSION}, ${KERNEL}, x86_64: installed\n`, 'installed'],
    ['of jammy', `nvidia/${VERSION}, ${KERNEL}, x86_64: installed\n`, 'installed'],
    ['that warns', `nvidia/${VERSION}, ${KERNEL}, x86_64: installed (WARNING! Diff between both)\n`, 'installed'],
    ['that only built it', `nvidia/${VERSION}, ${KERNEL}, x86_64: built\n`, 'built'],
    ['that only knows it', `nvidia/${VERSION}: added\n`, 'added'],
    [
      'with an error for it',
      `nvidia/${VERSION}: broken\nnvidia/${VERSION}, ${KERNEL}, x86_64: installed\n`,
      'installed',
    ],
    ['of another version', `nvidia/535.1, ${KERNEL}, x86_64: installed\n`, 'not registered'],
    ['of another kernel', `nvidia/${VERSION}, 5.15.0-1083-aws, x86_64: installed\n`, 'not registered'],
    ['of another module', `nvidia-fs/${VERSION}, ${KERNEL}, x86_64: installed\n`, 'not registered'],
    ['that knows nothing', '', 'not registered'],
  ])('%s', (_, status, expected) => {
    expect(dkmsState(status, 'nvidia', VERSION, KERNEL)).toBe(expected);
  });
});

describe("the runtime's mode", () => {
  const config = (mode: string): string => `[nvidia-container-runtime]
log-level = "info"
runtimes = ["runc", "crun"]
${mode}
[nvidia-container-runtime.modes]
[nvidia-container-runtime.modes.csv]
mode = "csv"
[nvidia-container-runtime-hook]
skip-mode-detection = false
`;
  test('is that of its own table', () => {
    expect(runtimeMode(config('mode = "auto"'))).toBe('auto');
    expect(runtimeMode(config('mode = "cdi"'))).toBe('cdi');
    expect(runtimeMode(config('#mode = "cdi"'))).toBeNull();
    expect(runtimeMode('')).toBeNull();
  });
});

test('Docker is asked for CDI in its features', () => {
  expect(offersCdi({ features: { cdi: true } })).toBe(true);
  for (const daemon of [{}, { features: {} }, { features: { cdi: false } }, { features: null }])
    expect(offersCdi(daemon)).toBe(false);
});

describe('a GPU', () => {
  const facts = { gpus: 1, stage: 'bake', bootRelease: KERNEL, runningRelease: KERNEL } as const;
  const older = { ...facts, runningRelease: '5.15.0-1083-aws' };

  test('is looked at in the bake when the kernel of the driver runs, and is skipped with a reason when not', () => {
    expect(whyNotHere(facts).device).toBeNull();
    expect(whyNotHere(older).device).toContain('5.15.0-1083-aws runs');
    expect(whyNotHere({ ...older, stage: 'set-up' }).device).toContain('boots next');
  });

  test('of a host that runs another kernel is looked at, and fails', () => {
    expect(whyNotHere({ ...older, stage: 'booted' })).toEqual({ device: null, unit: null });
  });

  test('has what the boot does only after one, and nothing where there is none', () => {
    expect(whyNotHere(facts).unit).toContain('a boot does it');
    expect(whyNotHere({ ...facts, gpus: 0, stage: 'booted' })).toEqual({
      device: expect.stringContaining('no NVIDIA GPU'),
      unit: expect.stringContaining('no NVIDIA GPU'),
    });
  });
});

describe('the licence of a GRID driver', () => {
  const query = (state: string) => `
GPU 00000000:00:1E.0
    Product Name                          : Tesla T4
    vGPU Software Licensed Product
        Product Name                      : NVIDIA RTX Virtual Workstation
        License Status                    : ${state}
    GPU Virtualization Mode`;

  test.each([
    ['of AWS', query('Licensed (Expiry: N/A)'), 'Licensed (Expiry: N/A)'],
    ['that is not there yet', query('Unlicensed (Unrestricted)'), 'Unlicensed (Unrestricted)'],
    ['of one GPU of two', query('Licensed (Expiry: N/A)') + query('Unlicensed'), 'Licensed (Expiry: N/A), Unlicensed'],
    ['of a driver that has none', 'GPU 00000000:00:1E.0\n    Product Name : Tesla T4\n', null],
  ])('%s', (_, said, licence) => {
    expect(licenceIn(said)).toBe(licence);
  });
});
