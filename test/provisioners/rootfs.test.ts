import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { FILES as BASE } from '../../provisioners/concerns/base.ts';
import { FILES as DEVELOPMENT } from '../../provisioners/concerns/development.ts';
import { FILES as DOCKER } from '../../provisioners/concerns/docker.ts';
import { FILES as ECS_AGENT } from '../../provisioners/concerns/ecs-agent.ts';
import { FILES as HOST_SERVICE } from '../../provisioners/concerns/host-service.ts';
import { FILES as IMDS_BLOCK } from '../../provisioners/concerns/imds-block.ts';
import { FILES as LIMITS } from '../../provisioners/concerns/limits.ts';
import { FILES as NVIDIA } from '../../provisioners/concerns/nvidia.ts';
import { installFiles } from '../../provisioners/lib/files.ts';
import { parseSysctl } from '../../provisioners/lib/sysctl.ts';
import { ask } from '../../provisioners/lib/tool.ts';
import { sharedTempFolder } from '../support/temp-folder.ts';

const ROOTFS = join(import.meta.dirname, '../../packer/rootfs');
function read(path: string): Promise<string> {
  return readFile(join(ROOTFS, path), 'utf8');
}
const entries = await readdir(ROOTFS, { recursive: true, withFileTypes: true });
const files = entries
  .filter((entry) => entry.isFile())
  .map((entry) => join(entry.parentPath, entry.name).slice(ROOTFS.length));
const units = files.filter((path) => /^\/etc\/systemd\/system\/[^/]+\.(service|timer|socket)$/.test(path));

describe('rootfs', () => {
  test('has every file installed by exactly one concern', () => {
    const claimed = [BASE, DEVELOPMENT, DOCKER, ECS_AGENT, HOST_SERVICE, IMDS_BLOCK, LIMITS, NVIDIA].flat();
    expect([...claimed].sort()).toEqual([...files].sort());
  });

  test('has programs that can be run and files that cannot', async () => {
    for (const path of files) {
      const isExecutable = ((await stat(join(ROOTFS, path))).mode & 0o100) !== 0;
      expect({ path, isExecutable }).toEqual({ path, isExecutable: path.includes('/bin/') });
    }
  });

  test.each([
    ['docker.service', 'gate-open'],
    ['docker.socket', 'gate-open'],
    ['containerd.service', 'gate-open'],
    ['ecs.service', 'agent-open'],
  ])('asserts the gate for %s, and that it is kept, whatever else is in the file', async (unit, gate) => {
    const text = await read(`/etc/systemd/system/${unit}.d/10-ecs-host-gate.conf`);
    expect(text).toContain(`[Unit]\nAssertPathExists=/run/ecs-host/${gate}\n`);
    if (unit.endsWith('.service'))
      expect(text).toContain(`\nExecStartPre=/opt/ecs-host/bin/ecs-host-gate check ${gate}\n`);
  });

  test('has a gatekeeper that neither requires nor waits for what it starts', async () => {
    const settings = (await read('/etc/systemd/system/ecs-host.service'))
      .split('\n')
      .filter((line) => /^(Requires|Requisite|BindsTo|Wants|Upholds|After|PartOf)=/.test(line));
    expect(settings.join('\n')).not.toMatch(/docker|ecs\.service|cloud-final|multi-user/);
  });

  test('has a development service that is in no real host, and that ends where one begins', async () => {
    const path = '/etc/systemd/system/ecs-host-dev.service';
    expect(DEVELOPMENT).toEqual([path]);
    expect(await read(path)).toMatch(/^Conflicts=ecs-host\.service$/m);
    expect(await read('/etc/systemd/system-preset/10-ecs-host.preset')).not.toContain('ecs-host-dev');
  });

  test('has all devices of the GPU, and a driver that stays, before their description and before Docker', async () => {
    const unit = await read('/etc/systemd/system/ecs-host-nvidia.service');
    expect(unit).toMatch(/^Before=docker\.service ecs\.service$/m);
    const programs = [...unit.matchAll(/^ExecStart=(.*)$/gm)].map((found) => found[1]);
    expect(programs).toEqual([
      '/usr/bin/nvidia-modprobe -u -c=0',
      '-/usr/bin/nvidia-modprobe -m',
      '/usr/bin/nvidia-smi -L',
      '-/usr/bin/nvidia-smi --persistence-mode=1',
      '-/usr/bin/nvidia-smi --auto-boost-default=0',
      '/usr/bin/nvidia-ctk cdi generate --output=/run/cdi/nvidia.yaml',
    ]);
  });

  test('shuts the gate however the gatekeeper ends', async () => {
    expect(await read('/etc/systemd/system/ecs-host.service')).toMatch(
      /^ExecStopPost=\/opt\/ecs-host\/bin\/ecs-host-stopped$/m,
    );
  });

  test("reads the agent's settings in the order in which the user's wins", async () => {
    const order = [
      ...(await read('/etc/systemd/system/ecs.service.d/20-ecs-host.conf')).matchAll(/^EnvironmentFile=(.*)$/gm),
    ].map((found) => found[1]);
    expect(order).toEqual(['', '-/opt/ecs-host/ecs-defaults.env', '-/etc/ecs/ecs.config']);
  });

  test("makes the agent's exit code 5 final, which Amazon's unit for Debian does not", async () => {
    expect(await read('/etc/systemd/system/ecs.service.d/20-ecs-host.conf')).toMatch(
      /^\[Service\]\n(?:.*\n)*?RestartPreventExitStatus=5$/m,
    );
  });

  test('keeps whoever applies presets from what an image does not start itself', async () => {
    const preset = await read('/etc/systemd/system-preset/10-ecs-host.preset');
    for (const unit of [
      'docker.service',
      'ecs.service',
      'amazon-ecs-volume-plugin.socket',
      'amazon-ecs-volume-plugin.service',
    ])
      expect(preset).toContain(`\ndisable ${unit}\n`);
  });

  test('blocks both addresses of the metadata service and no other', async () => {
    const rules = await read('/etc/ecs-host/imds-block.nft');
    const drops = rules.split('\n').filter((line) => line.trim().endsWith('drop') && !line.trim().startsWith('#'));
    expect(drops.map((line) => / (?:daddr|dport) (\S+) /.exec(line)?.[1])).toEqual([
      '169.254.169.254',
      'fd00:ec2::254',
      '4678',
    ]);
  });

  test('sets kernel settings that can be read back', async () => {
    const settings = parseSysctl(await read('/etc/sysctl.d/90-ecs-host.conf'));
    expect(settings.size).toBeGreaterThan(5);
    for (const [key, value] of settings) expect(`${key}=${value}`).toMatch(/^[a-z0-9_.]+=\d+(-\d+)?$/);
    expect(settings.get('net.ipv4.ip_local_reserved_ports')).toBe('51678-51679');
  });
});

describe('units', async () => {
  const hasAnalyze = (await ask`systemd-analyze --version`).exitCode === 0;
  let found = '';
  beforeAll(async () => {
    // Programs that only the image has are not what is looked for.
    const paths = units.map((path) => join(ROOTFS, path));
    found = hasAnalyze ? (await ask`systemd-analyze verify --man=no ${paths}`).stderr : '';
  }, 30_000);

  test.for(units)('%s has no unknown section, setting or value', (path, context) => {
    if (!hasAnalyze) context.skip('systemd-analyze is not installed');
    const name = path.split('/').at(-1) ?? '';
    const complaints = found
      .split('\n')
      .filter((line) => line.includes(name) && /Unknown|Invalid|Failed to parse|not a valid|Ignoring/i.test(line));
    expect(complaints).toEqual([]);
  });

  test('are some', () => {
    expect(units.length).toBeGreaterThanOrEqual(3);
  });
});

describe('installing', () => {
  const rootfs = sharedTempFolder();

  test('changes nothing the second time, and puts right what was changed', async () => {
    // A rootfs within a folder: the paths that it names are below that folder as well.
    const { cp, chmod, mkdir, writeFile } = await import('node:fs/promises');
    const there = join(rootfs, 'there');
    await mkdir(join(rootfs, 'carried', there), { recursive: true });
    await cp(join(ROOTFS, 'usr/local/bin/ecs-host-status'), join(rootfs, 'carried', there, 'tool'));
    const install = (): Promise<boolean> => installFiles({ rootfs: join(rootfs, 'carried') }, [join(there, 'tool')]);
    expect(await install()).toBe(true);
    expect((await stat(join(there, 'tool'))).mode & 0o777).toBe(0o755);
    expect(await install()).toBe(false);
    await chmod(join(there, 'tool'), 0o644);
    expect(await install()).toBe(true);
    await writeFile(join(there, 'tool'), 'changed');
    expect(await install()).toBe(true);
    expect(await readFile(join(there, 'tool'), 'utf8')).toContain('ecs-host-status.mjs');
  });
});
