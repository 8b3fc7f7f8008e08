import { chmod, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { execa } from 'execa';
import { tempFolder } from '../support/temp-folder.ts';

const WATCH = join(import.meta.dirname, '../../src/dev-host/watch/ecs-host-dev-watch');

/**
 * What the watch calls, each with a behaviour that a test sets through files beside it:
 *
 * - `date +%s` says what is in `clock`; anything else is the real one.
 * - `curl` is the metadata service: a token, and what is in the folder `imds`, a file for each tag; 404 for others, and
 *   exit 7 (nobody there) without that folder.
 * - `pgrep -f|-x PATTERN` looks in `processes`, a command line each; with `broken-pgrep` it fails.
 * - `nvidia-smi`, only when a test makes one, prints what is in `gpus`.
 * - `wall` and `systemctl` write down what they were told.
 */
const FAKES: Readonly<Record<string, string>> = {
  date: 'if [ "$*" = +%s ]; then cat "$fake/clock"; else exec /bin/date "$@"; fi',
  curl: `[ -d "$fake/imds" ] || exit 7
for last; do :; done
case $* in
  *'--request PUT'*) echo a-token; exit ;;
  *a-token*) ;;
  *) exit 22 ;;
esac
name=\${last##*ecs-host:}
if [ -e "$fake/imds/$name" ]; then printf '%s\\n200' "$(cat "$fake/imds/$name")"; else printf 'a page\\n404'; fi`,
  pgrep: `[ ! -e "$fake/broken-pgrep" ] || exit 3
case $1 in -x) grep -Exq "($2)" "$fake/processes" ;; -f) grep -Eq "$2" "$fake/processes" ;; esac`,
  wall: 'echo "$*" >>"$fake/walls"',
  systemctl: 'echo "$*" >>"$fake/orders"',
};

/** A machine as far as the watch sees it: a root folder, programs, a clock and the time since boot. */
export class WatchedMachine {
  readonly #fake = tempFolder();
  readonly #root = tempFolder();
  #clock = Date.parse('2026-11-26T12:00:00Z') / 1000;
  #uptime = 100;
  #cpuMicroseconds = 5_000_000;
  #networkBytes = 1_000_000;

  static async start(): Promise<WatchedMachine> {
    const machine = new WatchedMachine();
    for (const [name, body] of Object.entries(FAKES)) await machine.program(name, body);
    await machine.processes([]);
    return machine;
  }

  async program(name: string, body: string): Promise<void> {
    const file = join(this.#fake, 'bin', name);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, `#!/bin/sh\nfake=${this.#fake}\n${body}\n`);
    await chmod(file, 0o755);
  }

  async #write(file: string, content: string): Promise<void> {
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, content);
  }

  tag(name: string, value: string): Promise<void> {
    return this.#write(join(this.#fake, 'imds', name), value);
  }

  untag(name: string): Promise<void> {
    return rm(join(this.#fake, 'imds', name), { force: true });
  }

  async noMetadata(): Promise<void> {
    await rm(join(this.#fake, 'imds'), { recursive: true, force: true });
  }

  file(path: string, content: string): Promise<void> {
    return this.#write(join(this.#root, path), content);
  }

  /** What is remembered is gone, and nothing can be remembered any more. */
  async noMemory(): Promise<void> {
    await rm(join(this.#root, 'run'), { recursive: true, force: true });
    await writeFile(join(this.#root, 'run'), 'no folder');
  }

  processes(lines: readonly string[]): Promise<void> {
    return this.#write(join(this.#fake, 'processes'), lines.map((line) => `${line}\n`).join(''));
  }

  breakPgrep(): Promise<void> {
    return this.#write(join(this.#fake, 'broken-pgrep'), '');
  }

  async gpu(line: string): Promise<void> {
    await this.program('nvidia-smi', `echo '${line}'`);
  }

  /** Time goes on, by the clock and since boot; with it what the machine did meanwhile, in seconds and bytes. */
  pass(seconds: number, did: { readonly cpuSeconds?: number; readonly bytes?: number } = {}): void {
    this.#clock += seconds;
    this.#uptime += seconds;
    this.#cpuMicroseconds += (did.cpuSeconds ?? 0) * 1_000_000;
    this.#networkBytes += did.bytes ?? 0;
  }

  /** The clock alone. */
  jump(seconds: number): void {
    this.#clock += seconds;
  }

  time(afterSeconds = 0): string {
    return new Date((this.#clock + afterSeconds) * 1000).toISOString().replace(/\.\d+Z$/, 'Z');
  }

  /** One look. @returns whether it stopped the machine, and what it printed */
  async look(): Promise<{ readonly stopped: boolean; readonly said: string; readonly walls: readonly string[] }> {
    await this.#write(join(this.#fake, 'clock'), `${this.#clock}\n`);
    await this.file('proc/uptime', `${this.#uptime}.37 12345.67\n`);
    await this.file('sys/fs/cgroup/cpu.stat', `usage_usec ${this.#cpuMicroseconds}\nuser_usec 1\n`);
    const heading = 'Inter-| Receive | Transmit\n face |bytes packets |bytes\n';
    const link = (name: string, bytes: number) =>
      `${name.padStart(6)}: ${bytes} 1 0 0 0 0 0 0 ${bytes} 1 0 0 0 0 0 0\n`;
    const links = [link('lo', 7e12), link('ens5', this.#networkBytes / 2), link('docker0', 8e12), link('veth1', 9e12)];
    await this.file('proc/net/dev', heading + links.join(''));
    const { exitCode, all } = await execa('sh', [WATCH, this.#root], {
      env: { PATH: `${join(this.#fake, 'bin')}:/usr/bin:/bin` },
      extendEnv: false,
      reject: false,
      all: true,
    });
    if (exitCode !== 0) throw new Error(`the watch ended with ${exitCode}: ${all}`);
    const lines = async (name: string): Promise<string[]> =>
      (await readFile(join(this.#fake, name), 'utf8').catch(() => '')).split('\n').filter((line) => line !== '');
    const orders = await lines('orders');
    if (orders.some((order) => order !== 'poweroff')) throw new Error(`ordered: ${orders.join(', ')}`);
    return { stopped: orders.length > 0, said: all, walls: await lines('walls') };
  }

  /** A look each minute. @returns after how many minutes it stopped, or null when it did not within `most` */
  async stopsAfter(
    most: number,
    did: { readonly cpuSeconds?: number; readonly bytes?: number } = {},
  ): Promise<number | null> {
    for (let minute = 0; minute <= most; minute += 1) {
      if ((await this.look()).stopped) return minute;
      this.pass(60, did);
    }
    return null;
  }
}
