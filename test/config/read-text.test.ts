import { execFile } from 'node:child_process';
import { open, symlink, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, test } from 'vitest';
import { loadConfig } from '../../src/config/load.ts';
import { projectFolder } from '../../src/io/paths.ts';
import { sharedTempFolder } from '../support/temp-folder.ts';

const run = promisify(execFile);
const folder = sharedTempFolder();
function at(name: string): string {
  return join(folder, name);
}

beforeAll(async () => {
  await run('mkfifo', [at('fifo.yaml')]);
  await writeFile(at('host.yaml'), 'version: 1\n');
  await writeFile(at('utf16.yaml'), Buffer.from('\ufeffversion: 1\n', 'utf16le'));
  await writeFile(at('latin.yaml'), Buffer.from('version: 1\n# \u00e9\n', 'latin1'));
  await writeFile(at('huge.yaml'), '');
  await truncate(at('huge.yaml'), 2 ** 40);
  await symlink(at('loop.yaml'), at('loop.yaml'));
});

describe('what is no file of YAML is refused at once', () => {
  test.each([
    ['hosts.yaml', 'hosts.yaml does not exist.', 'did you mean'],
    ['other/hosts.yaml', 'does not exist.', 'there is no folder'],
    ['fifo.yaml', 'is a named pipe', 'name another file'],
    ['huge.yaml', 'is larger than 1 MiB', 'a few kilobytes'],
    ['loop.yaml', 'is a link that leads back', 'name another file'],
    ['', 'is a folder', 'name another file'],
    ['/dev/zero', 'is a device', 'name another file'],
    ['/dev/null', 'is a device', 'name another file'],
    [projectFolder(), 'is a folder', 'did you mean'],
  ])('%s', async (name, message, hint) => {
    const start = performance.now();
    await expect(loadConfig(name.startsWith('/') ? name : at(name))).rejects.toMatchObject({
      kind: 'user',
      code: 'CONFIG_UNREADABLE',
      message: expect.stringContaining(message),
      hint: expect.stringContaining(hint),
    });
    expect(performance.now() - start).toBeLessThan(1000);
  });

  test('a file that is missing says where it was looked for, and what lies beside it', async () => {
    await expect(loadConfig('no-such.yaml')).rejects.toMatchObject({
      message: `${join(process.cwd(), 'no-such.yaml')} does not exist.`,
      hint: expect.stringContaining('hosts.yaml'),
    });
    await expect(loadConfig(at('hosts.yaml'))).rejects.toMatchObject({ hint: `did you mean ${at('host.yaml')}?` });
  });

  test.each([
    ['utf16.yaml', 1, 'UTF-16'],
    ['latin.yaml', 2, 'no UTF-8'],
  ])('%s is not UTF-8, in line %d', async (name, line, reason) => {
    await expect(loadConfig(at(name))).rejects.toMatchObject({
      details: [{ where: `${at(name)}:${line}:1`, reason: expect.stringContaining(reason) }],
    });
  });
});

/** A process whose standard input is what `feed` gives, and which says what came of it. */
async function piped(feed: string): Promise<string> {
  const load = join(projectFolder(), 'src/config/load.ts');
  const script = `import(${JSON.stringify(load)})
    .then((m) => m.loadConfig('/dev/stdin'))
    .then(() => console.log('fine'), (e) => console.log(e.message))`;
  const { stdout } = await run('bash', ['-c', `${feed} | "$0" -e "$1"`, process.execPath, script]);
  return stdout.trim();
}

describe('a pipe of the shell', () => {
  test('is read to its end, however slowly it comes', async () => {
    expect(await piped(`(sleep 0.3; cat '${join(projectFolder(), 'hosts.yaml')}')`)).toBe('fine');
  });
  test('that does not end is refused', async () => {
    expect(await piped('yes')).toBe('/dev/stdin is larger than 1 MiB.');
  });
});

test('a file that grows meanwhile is read to the limit only', async () => {
  await using handle = await open(at('grown.yaml'), 'w');
  await handle.truncate(1024 * 1024 + 1);
  await expect(loadConfig(at('grown.yaml'))).rejects.toMatchObject({ message: expect.stringContaining('1 MiB') });
});
