import { join } from 'node:path';
import { type BaseImage, ensureBaseImage } from '../base-image/base-image.ts';
import { DEBIAN } from '../base-image/stand-in.ts';
import { publishExamples } from '../git/publish.ts';
import { type IdentityKeys, loadIdentityKeys } from '../imds/identity-keys.ts';
import { recordProcess } from '../lifecycle/records.ts';
import { type AptMirrors, readAptMirrors } from '../mirror/apt-sources.ts';
import { type Moto, startMoto } from '../moto/process.ts';
import { createNetwork, type Network } from '../net/network.ts';

import type { Lifetime } from './lifetime.ts';
import type { DaemonOptions } from './options.ts';

export type Dependencies = {
  readonly moto: Moto;
  readonly network: Network;
  readonly base: BaseImage;
  readonly keys: IdentityKeys;
  readonly mirrors: AptMirrors;
};

/** What the services stand on. These parts do not need each other, and some are slow: they run side by side. */
export async function startDependencies(options: DaemonOptions, lifetime: Lifetime): Promise<Dependencies> {
  const { paths, progress } = options;
  const [moto, network, base, keys, mirrors] = await together(
    startRecordedMoto(options, lifetime),
    createNetwork(paths).then((created) => {
      lifetime.cleanup.add('network', () => created.destroy());
      return created;
    }),
    ensureBaseImage(DEBIAN, paths.cache, progress),
    loadIdentityKeys(paths),
    readAptMirrors(),
    publishExamples(options.project, paths.git),
  );
  return { moto, network, base, keys, mirrors };
}

async function startRecordedMoto({ paths, log, progress }: DaemonOptions, lifetime: Lifetime): Promise<Moto> {
  const moto = await startMoto({
    cache: paths.cache,
    socket: join(paths.run, 'moto.sock'),
    store: join(paths.state, 'moto.pickle'),
    onLine: log,
  });
  lifetime.cleanup.add('moto', () => moto.stop());
  await recordProcess(paths, 'moto', moto.pid);
  lifetime.endWith('moto', moto.ended);
  if (moto.loaded.startsWith('unreadable')) progress(`the lab's memory was ${moto.loaded}`);
  return moto;
}

/** Waits for all of it even when a part fails, so that nothing is still being made while the rest is taken down. */
async function together<T extends readonly unknown[]>(...work: { [K in keyof T]: Promise<T[K]> }): Promise<T> {
  const settled = await Promise.allSettled(work);
  for (const one of settled) if (one.status === 'rejected') throw one.reason;
  return settled.map((one) => (one as PromiseFulfilledResult<unknown>).value) as unknown as T;
}
