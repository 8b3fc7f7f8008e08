import { type BootedHost, bakeImage, bootHost } from '../test/e2e/booted-host.ts';
import { importTools } from '../test/e2e/counted-containers.ts';
import { withLab } from './lab.ts';

/** A number after `--name` on the command line. */
export function option(name: string, usual: number): number {
  const at = process.argv.indexOf(`--${name}`);
  const value = at === -1 ? usual : Number(process.argv[at + 1]);
  if (!Number.isFinite(value) || value < 0) throw new Error(`--${name} takes a number`);
  return value;
}

export function quantile(values: readonly number[], q: number): number {
  return values.toSorted((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * q))] ?? Number.NaN;
}

/** `p50 1, p99 2, max 3 ms` */
export function spread(ms: readonly number[]): string {
  const [p50, p99, max] = [quantile(ms, 0.5), quantile(ms, 0.99), Math.max(...ms)].map((each) => each.toFixed(1));
  return `p50 ${p50}, p99 ${p99}, max ${max} ms`;
}

/** Bakes, boots one machine of the lab that serves and has the image `tools`, and takes all of it down again. */
export function withServingHost(work: (host: BootedHost) => Promise<void>): Promise<void> {
  return withLab(async (lab, signal) => {
    await using host = await bootHost(lab, await bakeImage(lab, [], signal), { drainSeconds: 0, signal });
    await host.reach('handshake');
    host.decide({ kind: 'grant' });
    await host.reach('serving');
    await importTools(host);
    await work(host);
  });
}
