import { nearest } from '../io/nearest.ts';
import { typesWithoutFirmware } from './gpu-firmware.ts';
import type { Profile } from './hosts-config.ts';
import { familyOf, gpuNeeds, gpuOf, isArm, knownFamilies, retirementOf, sizesOf } from './instance-types.ts';
import { typesIn } from './profile-types.ts';
import { DEFAULT_VOLUME_GIB, volumeGiBOf } from './root-volume.ts';
import type { Finding, ProfileRule } from './rule.ts';

/** Below this the protocol build and the base container image do not fit (docs/configuration.md). */
const SMALLEST_VOLUME_GIB = 16;
/** What the same needs beside the swap file: the smallest volume with the 2 GiB of swap that the project ships. */
const LEAST_BESIDE_SWAP_GIB = 14;
const MIB_PER_GIB = 1024;
/** NVIDIA's last branches for what is older than Turing. */
const LAST_BRANCH: Readonly<Record<string, number>> = { kepler: 470, maxwell: 580, volta: 580 };

function capital(word: string): string {
  return `${word.charAt(0).toUpperCase()}${word.slice(1)}`;
}

type Found = { readonly key?: Finding['path']; readonly reason: string; readonly hint: string };

/** What is wrong with each type of a profile; it is told where the type stands, unless `look` names another key. */
function ofTypes(profile: Partial<Profile>, look: (instanceType: string) => Found | null) {
  const found = typesIn(profile).flatMap(({ type, key }) => {
    const wrong = look(type);
    return wrong === null ? [] : [{ key, ...wrong }];
  });
  // Another key can be changed for one type at a time.
  return found.filter(({ key }, at) => found.findIndex((other) => other.key.join() === key.join()) === at);
}

/** Rules about the instance: its type, its GPU, its disk. */
export const HARDWARE_RULES: readonly ProfileRule[] = [
  {
    code: 'VOLUME_TOO_SMALL',
    severity: 'error',
    title: 'The root volume holds the protocol build and the base container image: at least 16 GiB.',
    check: ({ rootVolume }) =>
      rootVolume?.sizeGiB !== undefined && rootVolume.sizeGiB < SMALLEST_VOLUME_GIB
        ? {
            key: ['rootVolume', 'sizeGiB'],
            reason: `${rootVolume.sizeGiB} GiB cannot hold the protocol build and the base container image`,
            hint: `at least ${SMALLEST_VOLUME_GIB}; ${DEFAULT_VOLUME_GIB} is what the project ships`,
          }
        : null,
  },
  {
    code: 'SWAP_TOO_LARGE',
    severity: 'error',
    title: 'The swap file is on the root volume, and leaves 14 GiB of it.',
    check: (profile) => {
      const { swapMiB } = profile;
      const volume = volumeGiBOf(profile);
      const most = (volume - LEAST_BESIDE_SWAP_GIB) * MIB_PER_GIB;
      // A volume that is too small has a rule of its own.
      if (!swapMiB || swapMiB <= most || volume < SMALLEST_VOLUME_GIB) return null;
      return {
        key: ['swapMiB'],
        reason: `a swap file of ${swapMiB} MiB leaves too little of a root volume of ${volume} GiB`,
        hint: `at most ${most} here, or a larger rootVolume.sizeGiB`,
      };
    },
  },
  {
    code: 'INSTANCE_TYPE_TWICE',
    severity: 'error',
    title: 'A profile gives `instanceType`, or `instanceTypes`, and not both.',
    check: ({ instanceType, instanceTypes }) =>
      instanceType === undefined || instanceTypes === undefined
        ? null
        : {
            key: ['instanceTypes'],
            reason: 'instanceType stands beside it, and says the same',
            hint: 'keep the list, and put the other at its beginning',
          },
  },
  {
    code: 'INSTANCE_TYPES_MIXED',
    severity: 'error',
    title: 'All of `instanceTypes` have an NVIDIA GPU, or none has.',
    check: (profile) => {
      const [first, ...others] = typesIn(profile);
      const hasGpu = (type: string): boolean => gpuOf(type) !== null;
      const other = first && others.find(({ type }) => hasGpu(type) !== hasGpu(first.type));
      // With a driver each that has no GPU is a mistake of its own.
      if (profile.nvidia || !first || !other) return null;
      const [gpu, none] = hasGpu(first.type) ? [first.type, other.type] : [other.type, first.type];
      return {
        key: other.key,
        reason: `${gpu} has a GPU, and ${none} has none`,
        hint: 'an image is for one kind of host: make a profile for each',
      };
    },
  },
  {
    code: 'INSTANCE_TYPE_NOT_KNOWN',
    severity: 'warning',
    title: 'The family of `instanceType` is not on the list of AWS that this version has; it may be a new one.',
    check: (profile) =>
      ofTypes(profile, (instanceType) => {
        if (sizesOf(instanceType) !== null) return null;
        const close = nearest(familyOf(instanceType), knownFamilies());
        return {
          reason: `${instanceType} is of no family that ecs-host knows`,
          hint: `${close === null ? '' : `did you mean family ${close}? `}if it is new, see that it is x86_64 and has the GPU that the profile needs`,
        };
      }),
  },
  {
    code: 'INSTANCE_SIZE_UNKNOWN',
    severity: 'error',
    title: 'AWS has the size of `instanceType` in its family.',
    check: (profile) =>
      ofTypes(profile, (instanceType) => {
        const sizes = sizesOf(instanceType);
        const [family, size = ''] = instanceType.split('.');
        return sizes === null || sizes.includes(size)
          ? null
          : {
              reason: `AWS has no ${size} in family ${family}`,
              hint: `one of: ${sizes.map((each) => `${family}.${each}`).join(', ')}`,
            };
      }),
  },
  {
    code: 'INSTANCE_TYPE_ARM',
    severity: 'error',
    title: 'Images are for x86_64, so the instance type is not one with an Arm processor.',
    check: (profile) =>
      ofTypes(profile, (instanceType) =>
        isArm(instanceType)
          ? {
              reason: `${instanceType} has an Arm processor, and base images are taken for x86_64`,
              hint: 'choose one with an Intel or AMD processor, for example t3.large or g6.xlarge',
            }
          : null,
      ),
  },
  {
    code: 'GPU_PROFILE_ON_CPU_TYPE',
    severity: 'error',
    title: 'A profile with `nvidia` needs an instance type with an NVIDIA GPU.',
    check: (profile) =>
      ofTypes(profile, (instanceType) =>
        // What nobody knows has a warning; what is Arm has an error already.
        profile.nvidia && sizesOf(instanceType) && !isArm(instanceType) && gpuOf(instanceType) === null
          ? {
              reason: `${instanceType} has no NVIDIA GPU, but the profile installs the NVIDIA driver`,
              hint: 'choose g4dn, g5 or g6, or remove `nvidia`',
            }
          : null,
      ),
  },
  {
    code: 'CPU_PROFILE_ON_GPU_TYPE',
    severity: 'warning',
    title: 'A profile without `nvidia` leaves the GPU of its instance type unused.',
    check: (profile) =>
      ofTypes(profile, (instanceType) =>
        !profile.nvidia && gpuOf(instanceType) !== null
          ? {
              reason: `${instanceType} has a GPU, but the profile installs no driver`,
              hint: 'add `nvidia`, or save money with a type without a GPU',
            }
          : null,
      ),
  },
  {
    code: 'GPU_NOT_SERVED',
    severity: 'error',
    title:
      'The driver serves the GPU: no fabric manager (p4d, p5, p6), GRID for parts of one (g6f), on G families only.',
    check: (profile) =>
      ofTypes(profile, (instanceType) => {
        const { nvidia } = profile;
        const needs = nvidia ? gpuNeeds(instanceType, nvidia.kind ?? 'data-center') : null;
        return needs === null
          ? null
          : {
              reason: `the GPU of ${instanceType} ${needs}`,
              hint: 'choose g4dn, g5, g6 or g6e',
            };
      }),
  },
  {
    code: 'GRID_TYPES_MIXED',
    severity: 'error',
    title:
      'With the proprietary GRID driver all types are Turing or Ampere (g4dn, g5), or none is: an image is for one.',
    check: (profile) => {
      const { off, on } = typesWithoutFirmware(profile);
      return off.length === 0 || on.length === 0
        ? null
        : {
            key: ['instanceTypes'],
            reason: `under GRID ${off[0]} runs without the GPU's own firmware, and ${on[0]} with it`,
            hint: 'make a profile for each, or take the open kernel module',
          };
    },
  },
  {
    code: 'INSTANCE_TYPE_RETIRED',
    severity: 'warning',
    title: 'AWS no longer gives this instance type to new users.',
    check: (profile) =>
      ofTypes(profile, (instanceType) => {
        const retired = retirementOf(instanceType);
        return retired
          ? {
              reason: `AWS retired ${instanceType} on ${retired.since}`,
              hint: `its successors are ${retired.successors}`,
            }
          : null;
      }),
  },
  {
    code: 'KERNEL_MODULE_MISMATCH',
    severity: 'error',
    title: 'The open kernel module needs Turing or newer; Blackwell has only the open one.',
    check: (profile) =>
      ofTypes(profile, (instanceType) => {
        const { nvidia } = profile;
        const gpu = nvidia ? gpuOf(instanceType) : null;
        if (gpu === null) return null;
        const only = gpu === 'blackwell' ? 'open' : gpu in LAST_BRANCH ? 'proprietary' : nvidia?.kernelModule;
        return nvidia?.kernelModule === only
          ? null
          : {
              key: ['nvidia', 'kernelModule'],
              reason:
                only === 'open'
                  ? `${instanceType} is Blackwell, which has no proprietary kernel module`
                  : `${instanceType} is ${capital(gpu)}, and the open kernel module needs Turing or newer`,
              hint: `set it to \`${only}\``,
            };
      }),
  },
  {
    code: 'DRIVER_TOO_NEW_FOR_GPU',
    severity: 'error',
    title: 'R580 is the last driver branch for Maxwell (g3) and Volta (p3), R470 for Kepler (p2).',
    check: (profile) =>
      ofTypes(profile, (instanceType) => {
        const { nvidia } = profile;
        const gpu = nvidia?.driverVersion ? gpuOf(instanceType) : null;
        const last = gpu === null ? undefined : LAST_BRANCH[gpu];
        const branch = Number.parseInt(nvidia?.driverVersion ?? '', 10);
        return last === undefined || branch <= last
          ? null
          : {
              key: ['nvidia', 'driverVersion'],
              reason: `R${branch} no longer drives the ${capital(gpu ?? '')} GPU of ${instanceType}`,
              hint: `use a driver of branch ${last}`,
            };
      }),
  },
  {
    code: 'TOOLKIT_TOO_OLD',
    severity: 'error',
    title: 'The container toolkit is 1.18 or newer, whose runtime makes descriptions of devices (CDI) by itself.',
    check: ({ nvidia }) => {
      const [major = 0, minor = 0] = (nvidia?.containerToolkitVersion ?? '').split('.').map(Number);
      return !nvidia?.containerToolkitVersion || major > 1 || minor >= 18
        ? null
        : {
            key: ['nvidia', 'containerToolkitVersion'],
            reason: `with toolkit ${nvidia.containerToolkitVersion}, a \`systemctl daemon-reload\` takes the GPU from running containers`,
            hint: 'use 1.18 or newer, for example 1.20.0-1',
          };
    },
  },
];
