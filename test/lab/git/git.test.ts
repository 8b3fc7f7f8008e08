import { execFileSync } from 'node:child_process';
import { chmod, mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { run } from '../../../lab/exec.ts';
import { publishExamples } from '../../../lab/git/publish.ts';
import { createGitListener } from '../../../lab/git/serve.ts';
import { tempFolder } from '../../support/temp-folder.ts';

describe('git repositories of the lab', () => {
  let folder: string;
  let project: string;
  let served: string;

  beforeEach(async () => {
    folder = tempFolder();
    project = join(folder, 'project');
    served = join(folder, 'served');
    await mkdir(served);
    await mkdir(join(project, 'examples', 'container-images', 'base', 'protocol', 'src'), { recursive: true });
    await mkdir(join(project, 'examples', 'container-images', 'base', 'protocol'), { recursive: true });
    await writeFile(
      join(project, 'examples', 'container-images', 'base', 'protocol', 'src', 'main.c'),
      'int main(void) { return 0; }\n',
    );
    const script = join(project, 'examples', 'container-images', 'build_protocol.sh');
    await writeFile(script, '#!/bin/sh\n');
    await chmod(script, 0o755);
  });

  test('are cloned with their submodule over plain HTTP', async () => {
    expect(await publishExamples(project, served)).toEqual(['protocol.git', 'container-images.git']);
    const server = createServer(createGitListener(served));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/git`;
    try {
      const clone = join(folder, 'clone');
      await run('git', ['clone', '-q', '--recurse-submodules', `${url}/container-images.git`, clone]);
      expect(await readFile(join(clone, 'base', 'protocol', 'src', 'main.c'), 'utf8')).toContain('int main');
      expect((await stat(join(clone, 'build_protocol.sh'))).mode & 0o111).toBe(0o111);
      expect((await fetch(`${url}/../../project/examples/container-images/base/protocol/src/main.c`)).status).toBe(404);
      expect(
        (await fetch(`${url}/protocol.git/%2e%2e/%2e%2e/project/examples/container-images/base/protocol/src/main.c`))
          .status,
      ).toBe(404);
      expect((await fetch(`${url}/protocol.git`)).status).toBe(404);
    } finally {
      server.closeAllConnections();
      server.close();
    }
  });

  test('have the same commits for the same content, and new ones for new content', async () => {
    const head = (name: string): string =>
      execFileSync('git', ['--git-dir', join(served, name), 'rev-parse', 'main'], { encoding: 'utf8' }).trim();
    await publishExamples(project, served);
    const [protocol, images] = [head('protocol.git'), head('container-images.git')];
    await rm(join(served, 'protocol.git'), { recursive: true });
    await publishExamples(project, served);
    expect([head('protocol.git'), head('container-images.git')]).toEqual([protocol, images]);
    await writeFile(
      join(project, 'examples', 'container-images', 'base', 'protocol', 'src', 'main.c'),
      'int main(void) { return 1; }\n',
    );
    await publishExamples(project, served);
    expect(head('protocol.git')).not.toBe(protocol);
    expect(head('container-images.git')).not.toBe(images);
  });

  test('are none when the checkout has no examples', async () => {
    expect(await publishExamples(join(folder, 'empty'), served)).toEqual([]);
  });
});
