import { mkdir, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { GATE_PATH } from '#contracts/host-service.ts';

/** docker.service, docker.socket and ecs.service assert this file. */
export type Gate = { open(): Promise<void>; shut(): Promise<void> };

export const createGate = (path: string = GATE_PATH): Gate => ({
  open: async () => {
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, '', { mode: 0o644 });
  },
  shut: () => rm(path, { force: true }),
});
