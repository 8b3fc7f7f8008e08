import { access, constants, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run } from '../exec.ts';
import { QEMU } from './qemu.ts';

/** Where QEMU ends itself when a guest writes to it, with the exit code 2n + 1. */
const EXIT_PORT = 0x501;
const WORD = 0x10;
const EXIT_CODE = 2 * WORD + 1;
/** A guest of one sector needs a fraction of a second where the processor runs it. */
const LIMIT_S = 5;

/** mov dx, port; mov al, word; out dx, al; jmp to itself. */
const PROGRAM = [0xba, EXIT_PORT % 256, EXIT_PORT >> 8, 0xb0, WORD, 0xee, 0xeb, 0xfe];

/**
 * Whether a guest gets anywhere: one that is a boot sector, and does nothing but end QEMU. That /dev/kvm can be opened,
 * and makes machines, says too little: on some virtual machines their processors do not run.
 */
export async function canRunGuests(accelerator: 'kvm' | 'tcg'): Promise<boolean> {
  const folder = await mkdtemp(join(tmpdir(), 'ecs-host-guest-'));
  try {
    const sector = Buffer.alloc(512);
    sector.set(PROGRAM);
    sector.set([0x55, 0xaa], 510);
    const disk = join(folder, 'sector.raw');
    await writeFile(disk, sector);
    await run(
      'timeout',
      [
        ...['--signal=KILL', String(LIMIT_S), QEMU, '-accel', accelerator],
        ...['-machine', 'pc', '-cpu', 'max', '-nodefaults', '-no-user-config', '-display', 'none'],
        ...['-device', `isa-debug-exit,iobase=${EXIT_PORT},iosize=1`],
        ...['-drive', `if=ide,format=raw,file=${disk}`],
      ],
      { accept: [EXIT_CODE] },
    );
    return true;
  } catch {
    return false;
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** KVM where it is of use, else emulation, which every machine has. */
export async function chooseAccelerator(): Promise<'kvm' | 'tcg'> {
  const mayOpen = await access('/dev/kvm', constants.R_OK | constants.W_OK).then(
    () => true,
    () => false,
  );
  return mayOpen && (await canRunGuests('kvm')) ? 'kvm' : 'tcg';
}
