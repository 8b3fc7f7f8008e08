import { spawnSync } from 'node:child_process';
import { chmod, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { loadConfig } from '../../src/config/load.ts';
import { projectFolder } from '../../src/io/paths.ts';
import { profileNamed, targetOf } from '../../src/plan/resolve.ts';
import { type Payload, renderHeader, scriptName, scriptOf } from '../../src/setup-scripts/script.ts';
import { writeScripts } from '../../src/setup-scripts/write-scripts.ts';
import { tempFolder } from '../support/temp-folder.ts';

const { config, file } = await loadConfig(join(projectFolder(), 'hosts.yaml'));
const template = await readFile(join(projectFolder(), 'src/setup-scripts/header.sh'), 'utf8');
const gpu = profileNamed(config, 'g3s-focal', file);
const PAYLOAD: Payload = {
  bytes: 100,
  sha256: 'a'.repeat(64),
  unpackedKiB: 1,
  node: { version: '24.0.0', sha256: 'b'.repeat(64) },
};

function header(variant: 'host' | 'development' = 'development', payload: Partial<Payload> = {}): string {
  return renderHeader(template, scriptOf(targetOf('g3s-focal', gpu, variant)), { ...PAYLOAD, ...payload });
}

async function written(text: string): Promise<string> {
  const path = join(tempFolder(), 'script');
  await writeFile(path, text);
  await chmod(path, 0o755);
  return path;
}

function sh(args: readonly string[], input = ''): { status: number | null; stdout: string; stderr: string } {
  return spawnSync('sh', args, { encoding: 'utf8', input });
}

describe('the names', () => {
  test('are those that the issue asks for, and follow the system of the profile', () => {
    expect(scriptName(gpu.os, 'development')).toBe('setup_ubuntu20_host');
    expect(scriptName(gpu.os, 'host')).toBe('setup_ubuntu20_ami_host');
    expect(scriptName({ distribution: 'debian', codename: 'bookworm' }, 'development')).toBe('setup_debian12_host');
  });

  test('of two profiles of one system clash, which is told before anything is written', async () => {
    const folder = tempFolder();
    const writing = writeScripts({
      profiles: { one: gpu, two: gpu },
      configFile: file,
      work: join(folder, 'work'),
      out: join(folder, 'out'),
    });
    await expect(writing).rejects.toMatchObject({ code: 'SCRIPT_CLASH', hint: 'choose with --profile' });
  });
});

describe('the header', () => {
  test('is sh, is complete, and names its checksums', () => {
    const text = header();
    expect(text).not.toMatch(/@[A-Z0-9_]+@/);
    expect(text).toContain(`payload_sha256='${PAYLOAD.sha256}'`);
    expect(text).toContain(`node_sha256='${PAYLOAD.node.sha256}'`);
    expect(sh(['-n'], text).status).toBe(0);
  });

  test('prints its help without root and without its payload; --help lists every part of the variant', async () => {
    const host = sh([await written(header('host')), '--yes', '--help']);
    expect(host.status).toBe(0);
    expect(host.stdout).toMatch(/^usage: \.\/setup_ubuntu20_ami_host \[options\]/);
    expect(host.stdout).toMatch(/^ {2}clean +REMOVES [^(]*\(only when named\)$/m);
    const development = sh([await written(header()), '-h']).stdout;
    expect(development).toMatch(/^ {2}development +Docker without a gate/m);
    expect(development).not.toMatch(/^ {2}(clean|ecs-agent|host-service)/m);
    for (const line of development.split('\n')) expect(line.length).toBeLessThanOrEqual(80);
  });

  test('holds no secret, and no address but that of the project', () => {
    expect(header()).not.toMatch(/token|password=|https?:\/\/(?!github\.com)/i);
  });

  test('does nothing when it was cut off anywhere in its text', async () => {
    const text = header();
    for (const share of [0.1, 0.3, 0.5, 0.7, 0.9, 0.99]) {
      const path = await written(text.slice(0, Math.floor(text.length * share)));
      expect(sh([path, '--help']).stdout).toBe('');
    }
  });

  test('is refused through a pipe', () => {
    const { status, stderr } = sh(['-s', '--', '--yes'], header());
    expect({ status, stderr }).toEqual({ status: 2, stderr: expect.stringContaining('cannot come through a pipe') });
  });
});
