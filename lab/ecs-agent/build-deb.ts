import { createHash } from 'node:crypto';
import { cp, mkdir, mkdtemp, readFile, rename, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { execa } from 'execa';
import { rolldown } from 'rolldown';

/**
 * `node lab/ecs-agent/build-deb.ts --out FILE`: packs the stand-in agent as a Debian package, the same bytes every
 * time, and prints {path, sha256, bytes}.
 */
const { values } = parseArgs({ options: { out: { type: 'string' } } });
const { out } = values;
if (out === undefined) {
  console.error('build-deb: --out FILE is missing');
  process.exit(2);
}

const here = import.meta.dirname;
const scratch = await mkdtemp(join(tmpdir(), 'ecs-agent-deb-'));
try {
  const tree = join(scratch, 'tree');
  await cp(join(here, 'package'), tree, { recursive: true });
  await mkdir(join(tree, 'usr', 'libexec'), { recursive: true });
  const build = await rolldown({
    input: join(here, 'main.ts'),
    platform: 'node',
    logLevel: 'warn',
    external: ['bufferutil', 'utf-8-validate'],
  });
  await build.write({
    file: join(tree, 'usr', 'libexec', 'ecs-agent-lab-stand-in.mjs'),
    format: 'esm',
    codeSplitting: false,
  });
  await build.close();
  await execa('chmod', ['-R', 'u=rwX,go=rX', tree]);
  await execa('find', [tree, '-exec', 'touch', '--no-dereference', '--date=@0', '{}', '+']);
  const packed = join(scratch, basename(out));
  // One thread and a fixed level: xz's output depends on how it splits its work.
  await execa('dpkg-deb', ['--root-owner-group', '-Zxz', '-z6', '--threads-max=1', '--build', tree, packed], {
    env: { SOURCE_DATE_EPOCH: '0' },
  });
  await mkdir(dirname(out), { recursive: true });
  await cp(packed, `${out}.partial`);
  await rename(`${out}.partial`, out);
  const sha256 = createHash('sha256')
    .update(await readFile(out))
    .digest('hex');
  console.log(JSON.stringify({ path: out, sha256, bytes: (await stat(out)).size }));
} finally {
  await rm(scratch, { recursive: true, force: true });
}
