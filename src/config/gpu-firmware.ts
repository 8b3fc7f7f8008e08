import type { Profile } from './hosts-config.ts';
import { gpuOf } from './instance-types.ts';
import { typesIn } from './profile-types.ts';

/** AWS has the GPU's own firmware (GSP) switched off under GRID on g4dn and g5. */
const WITHOUT_FIRMWARE: ReadonlySet<string | null> = new Set(['turing', 'ampere']);

/** Pure: which of a profile's types want it off under GRID; the open module cannot do without it. */
export function typesWithoutFirmware(profile: Partial<Profile>): { readonly off: string[]; readonly on: string[] } {
  const { nvidia } = profile;
  const types = typesIn(profile).map(({ type }) => type);
  if (nvidia?.kind !== 'grid' || nvidia.kernelModule !== 'proprietary') return { off: [], on: types };
  const isOff = (type: string): boolean => WITHOUT_FIRMWARE.has(gpuOf(type));
  return { off: types.filter(isOff), on: types.filter((type) => !isOff(type)) };
}

export function runsWithoutFirmware(profile: Partial<Profile>): boolean {
  return typesWithoutFirmware(profile).off.length > 0;
}
