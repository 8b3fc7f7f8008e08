import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { onHost } from '#contracts/host-paths.ts';
import { FIRST_BOOT_IS_OVER } from '../../src/plan/provisioning.ts';
import { VERIFY } from '../../src/smoke/checks/verify-checks.ts';
import { bakeImage, bootHost } from '../../test/e2e/booted-host.ts';
import type { LabHandle } from '../../test/e2e/lab-handle.ts';
import { withLab } from '../lab.ts';
import { COVERAGE_FOLDER } from './checkout.ts';

/**
 * Bakes in a lab, boots each image, lets it verify itself as smoke does, and fetches the coverage of all of that. Runs
 * in a checkout of `copyWithCoverage`, and is started by bench/provisioner-coverage.ts.
 *
 *   node bench/coverage/measure.ts FOLDER
 */
const [, , into = ''] = process.argv;

const BAKES: readonly (readonly string[])[] = [
  ['--profile', 'cpu-bookworm', '--no-layers'],
  ['--profile', 'cpu-bookworm', '--layers'],
  ['--profile', 'g3s-focal'],
];

async function measure(lab: LabHandle, args: readonly string[], folder: string, signal: AbortSignal): Promise<void> {
  console.log(`bake ${args.join(' ')}`);
  const image = await bakeImage(lab, ['--force', ...args], signal);
  await using host = await bootHost(lab, image, { signal });
  await host.run(FIRST_BOOT_IS_OVER);
  // Its checks are not what is measured.
  await host.try(`sudo NODE_V8_COVERAGE=${COVERAGE_FOLDER} ${VERIFY} >/dev/null`);
  await mkdir(folder, { recursive: true });
  const fetched = async (command: string): Promise<Buffer> =>
    Buffer.from((await host.run(`${command} | base64 -w 0`)).trim(), 'base64');
  await writeFile(join(folder, 'main.mjs'), await fetched(`sudo cat ${onHost('provisioners/main.mjs')}`));
  await writeFile(join(folder, 'coverage.tar'), await fetched(`sudo tar -cC ${COVERAGE_FOLDER} .`));
}

await withLab(async (lab, signal) => {
  for (const [at, args] of BAKES.entries()) await measure(lab, args, join(into, `${at}`), signal);
});
