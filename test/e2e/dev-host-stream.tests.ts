import { describe, expect, test } from 'vitest';
import { findBrowser, startBrowser } from '../support/browser.ts';
import { tempFolder } from '../support/temp-folder.ts';
import { type Cli, cli, events, start } from './support.ts';

/** A dev host that runs and is ready. */
export type StreamedHost = { readonly name: string; readonly environment: Record<string, string> };

const PATIENCE = { timeout: 120_000 };
const ON_THE_PORT = "docker ps --format '{{.Names}} {{.Ports}}' | grep -c ':32262->'";

/** The developer's flow with one command: from a host to a picture, again, beside somebody else, and interrupted. */
export function describeStream(getHost: () => StreamedHost): void {
  const onHost = async (command: string): Promise<Cli> => {
    const { name, environment } = getHost();
    return cli(['dev-host', 'exec', name, '--', 'sh', '-c', command], environment);
  };
  const stream = (...words: readonly string[]): Promise<Cli> => {
    const { name, environment } = getHost();
    return cli(['dev-host', 'stream', name, ...words], environment);
  };
  const judged = async (): Promise<Record<string, unknown>> => {
    const run = await stream('--frames', '60', '--json');
    expect(run.exitCode, run.all).toBe(0);
    return events(run).at(-1) as Record<string, unknown>;
  };

  describe('the stream', () => {
    test('is built, run and decoded with one command, and its key is told nobody', async () => {
      const result = await judged();
      expect(result).toMatchObject({ type: 'result', isChanged: false, report: { framesDecoded: 60, blackFrames: 0 } });
      expect(result['commit']).toMatch(/^[0-9a-f]{12}$/);
      const key = await onHost(`od -An -v -tx1 /var/lib/ecs-host/containers/${String(result['container'])}/key`);
      const plain = await stream('--frames', '5', '--plain');
      expect(plain.stdout).toMatch(/^5 frames of h264 640x360 .*$/);
      expect(plain.all).not.toContain(key.stdout.replaceAll(/\s/g, ''));
    });

    test('replaces its own container alone, and keeps the work of the developer', async () => {
      await onHost('echo mine >container-images/note');
      const { container, isChanged } = await judged();
      expect(isChanged).toBe(true);
      expect((await onHost('cat container-images/note')).stdout).toBe('mine');
      expect((await onHost(ON_THE_PORT)).stdout).toBe('1');
      expect((await onHost("docker ps --format '{{.Names}}'")).stdout.split('\n')).toContain(container);
    });

    test('leaves a container of somebody else where it is', async () => {
      await onHost('mv .local/state/ecs-host/stream-container kept');
      const refused = await stream('--frames', '1');
      expect(refused.exitCode, refused.all).toBe(2);
      expect(refused.stderr).toContain('was not started by `dev-host stream`');
      await onHost('mv kept .local/state/ecs-host/stream-container');
      expect((await onHost(ON_THE_PORT)).stdout).toBe('1');
    });

    test('is shown in a page until Ctrl-C, and its container keeps running until it is ended as was said', async () => {
      const { name, environment } = getHost();
      const run = start(['dev-host', 'stream', name, '--no-open', '--json'], environment);
      let said = '';
      run.stdout.on('data', (chunk: unknown) => {
        said += String(chunk);
      });
      await expect.poll(() => said, { timeout: 300_000 }).toContain('"type":"stream"');
      const shown = JSON.parse(/^.*"type":"stream".*$/m.exec(said)?.[0] ?? '{}') as Record<string, string>;
      const address = String(shown['address']);
      expect(await (await fetch(address)).text()).toContain(name);
      const browserPath = await findBrowser();
      if (browserPath !== null) {
        await using browser = await startBrowser(browserPath, tempFolder());
        const tab = await browser.tab();
        await tab.go(address);
        await expect.poll(() => tab.text(), PATIENCE).toMatch(/Live[\s\S]*640 × 360/);
      }
      run.kill('SIGINT');
      const ended = await run;
      expect(ended.exitCode, ended.all).toBe(0);
      await expect(fetch(address)).rejects.toThrow();
      expect((await onHost(ON_THE_PORT)).stdout).toBe('1');
      await onHost(`docker rm --force ${shown['container']}`);
      expect((await onHost(ON_THE_PORT)).stdout).toBe('0');
    });
  });
}
