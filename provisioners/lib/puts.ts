import { createHash } from 'node:crypto';
import type { Carried, CarriedFile, Put } from './context.ts';
import { modeOf } from './files.ts';

/** As `putFile` leaves it. */
export function putsFile(path: string, content: string | Uint8Array, mode = modeOf(false)): Put {
  return { path, kind: 'file', mode, sha256: createHash('sha256').update(content).digest('hex') };
}

/** @throws Error for a file that packer/rootfs does not have, which an installation would not find either */
export function carriedFile({ rootfs }: Carried, path: string): CarriedFile {
  const found = rootfs[path];
  if (found === undefined) throw new Error(`packer/rootfs has no ${path}`);
  return found;
}

export function carriedText(carried: Carried, path: string): string {
  return Buffer.from(carriedFile(carried, path).content).toString('utf8');
}

/** As `installFiles` leaves them. */
export function putsFiles(carried: Carried, paths: readonly string[]): readonly Put[] {
  return paths.map((path) => {
    const { content, isProgram } = carriedFile(carried, path);
    return putsFile(path, content, modeOf(isProgram));
  });
}

const UNITS = '/etc/systemd/system';

/** As `systemctl enable` leaves it, of a unit below /etc/systemd/system that one target wants. */
export function putsEnabled(unit: string, text: string): Put {
  const target = /^WantedBy=(\S+)$/m.exec(text)?.[1];
  if (target === undefined) throw new Error(`no target wants ${unit}`);
  return { path: `${UNITS}/${target}.wants/${unit}`, kind: 'link', target: `${UNITS}/${unit}` };
}

/** The same of units of packer/rootfs. */
export function putsAllEnabled(carried: Carried, units: readonly string[]): readonly Put[] {
  return units.map((unit) => putsEnabled(unit, carriedText(carried, `${UNITS}/${unit}`)));
}

/** As `maskUnits` leaves them: where they are there. */
export function putsMasked(units: readonly string[]): readonly Put[] {
  return units.map((unit) => ({ path: `${UNITS}/${unit}`, kind: 'link', target: '/dev/null', isOptional: true }));
}
