import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { agentDefaults } from '../../provisioners/lib/agent-config.ts';
import { APT_OPTIONS } from '../../provisioners/lib/apt.ts';
import { isDaemonConfigComplete, mergeDaemonConfig } from '../../provisioners/lib/docker-config.ts';
import { installerArguments } from '../../provisioners/lib/nvidia-decisions.ts';
import { projectFolder } from '../../src/io/paths.ts';
import { nvidia, target } from '../fixtures/target-config.ts';

/**
 * What was wrong with the scripts that this project takes the place of, as far as it can be seen without a machine; the
 * others are in test/e2e/scripts.e2e.test.ts, and 4, 5 and 6 (handshake, restarts, names of containers) are the host
 * service's (test/hostd).
 */
const root = projectFolder();
const provisioners = await Promise.all(
  (await readdir(join(root, 'provisioners'), { recursive: true }))
    .filter((name) => name.endsWith('.ts'))
    .map(async (name) => ({ name, text: await readFile(join(root, 'provisioners', name), 'utf8') })),
);
const header = await readFile(join(root, 'src/setup-scripts/header.sh'), 'utf8');
function rootfs(path: string): Promise<string> {
  return readFile(join(root, 'packer/rootfs', path), 'utf8');
}

describe("the original scripts' defects", () => {
  test('defect 7: a config was copied from a relative folder, and a URL had a token in it', () => {
    expect(header).not.toMatch(/\bcurl\b|\bwget\b/);
    expect(header).not.toMatch(/\b(cp|cat|install) (\.\/)?[a-z]+\//);
    for (const { name, text } of provisioners)
      expect({ name, found: /https?:\/\/[^\s'"`]*([?&]\w*token|:[^/\s'"`]*@)/i.exec(text)?.[0] ?? null }).toEqual({
        name,
        found: null,
      });
  });

  test('defect 8: apt asked for want of -y, and a package that came later took its configuration back', () => {
    expect(APT_OPTIONS).toEqual(expect.arrayContaining(['--assume-yes', '--option=Dpkg::Options::=--force-confold']));
    for (const { name, text } of provisioners)
      for (const [call] of text.matchAll(/`apt-get [^`]*`/g))
        expect({ name, call }).toMatchObject({ call: expect.stringMatching(/APT_OPTIONS|apt-get clean/) });
    const withRuntime = { runtimes: { nvidia: { path: '/usr/bin/nvidia-container-runtime' } } };
    const merged = mergeDaemonConfig(withRuntime, target.docker);
    expect(merged).toMatchObject(withRuntime);
    expect(isDaemonConfigComplete(merged, target.docker)).toBe(true);
  });

  test('defect 8: a redirect ran as the wrong user; files are put in place by root, with no shell between', () => {
    for (const { name, text } of provisioners)
      for (const [command] of text.matchAll(/\b(?:tool|ask|textOf)`[^`]*`/g))
        expect({ name, command: command.replace(/\$\{[^}]*\}/g, '') }).toMatchObject({
          command: expect.not.stringMatching(/(^|\s)>|\btee\b|\bsudo\b/),
        });
  });

  test('defect 9: the list of GPUs was frozen at bake time; it is made at each boot', async () => {
    expect(await rootfs('etc/systemd/system/ecs-host-nvidia.service')).toMatch(
      /^ExecStart=\/usr\/bin\/nvidia-ctk cdi generate --output=\/run\/cdi\/nvidia\.yaml$/m,
    );
    for (const { name, text } of provisioners)
      expect({ name, writes: /cdi generate|gpu-uuid|nvidia-gpu-info/i.test(text) }).toEqual({ name, writes: false });
  });

  test('defect 10: a wrong name for the capabilities of the driver', () => {
    for (const { name, text } of provisioners)
      expect({ name, wrong: text.includes('NVIDIA_CONTAINER_CAPABILITIES') }).toEqual({ name, wrong: false });
    expect(Object.keys(agentDefaults({ ...target, nvidia }))).not.toContain('NVIDIA_CONTAINER_CAPABILITIES');
  });

  test('defect 11: the driver came without DKMS, and one kernel upgrade killed the GPU', () => {
    expect(installerArguments(nvidia, '5.15.0-1', '5.15.0-1')).toContain('--dkms');
  });
});
