import { readFile, readlink, rm, stat, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { nvidiaUserland } from '../../../lab/parts/nvidia-userland/userland.ts';
import { sharedTempFolder } from '../../support/temp-folder.ts';
import { GpuMachine, KERNEL, M60, missingForGpuMachine, T4, VERSION } from './gpu-machine.ts';

test('another version of the driver is another part, and one of an unknown branch is none', async () => {
  const part = nvidiaUserland(VERSION);
  expect(await part.digest()).toBe(await nvidiaUserland(VERSION).digest());
  expect(await part.digest()).not.toBe(await nvidiaUserland('580.178.05').digest());
});

const missing = await missingForGpuMachine();

describe.skipIf(missing !== null)(
  `a machine with the simulated driver${missing === null ? '' : ` (${missing})`}`,
  () => {
    const machine = new GpuMachine(sharedTempFolder());

    beforeAll(async () => {
      await machine.compile();
    });

    const NO_DRIVER = {
      said: expect.stringMatching(/^NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver\./),
      code: 9,
    };
    const listed = { said: `GPU 0: Tesla M60 (UUID: ${M60['uuid']})`, code: 0 };
    const isNode = async (name: string): Promise<boolean> =>
      (await stat(join(machine.root, 'dev', name)).catch(() => null))?.isCharacterDevice() ?? false;

    test('nodes come with who needs them: an option for memory and modes, the first question for the GPU', async () => {
      await machine.reset([M60]);
      expect(await machine.run('nvidia-modprobe', '-u', '-c=0')).toEqual({ said: '', code: 0 });
      expect(await isNode('nvidia-uvm')).toBe(true);
      expect(await isNode('nvidia-uvm-tools')).toBe(true);
      expect(await isNode('nvidia0')).toBe(false);
      expect(await machine.run('nvidia-modprobe', '-m')).toEqual({ said: '', code: 0 });
      expect(await isNode('nvidia-modeset')).toBe(true);
      expect(await machine.run('nvidia-smi', '-L')).toEqual(listed);
      expect(await isNode('nvidiactl')).toBe(true);
      expect(await isNode('nvidia0')).toBe(true);
      expect(await readlink(join(machine.root, 'dev/char/195:0'))).toBe('../nvidia0');
      const majors = await readFile(join(machine.root, 'run/nvidia-lab/devices'), 'utf8');
      expect(majors).toContain('195 nvidia\n');
      expect(majors).toContain('510 nvidia-uvm\n');
      expect(majors.indexOf('nvidia-uvm')).toBeLessThan(majors.indexOf('Block devices'));
    });

    test('the first look loads the module, and udev rules for the driver run with it', async () => {
      await machine.reset([M60]);
      await machine.put(
        'etc/udev/rules.d/71-nvidia.rules',
        `# why\nACTION=="add", DEVPATH=="/bus/pci/drivers/nvidia", RUN+="/usr/bin/touch ${machine.root}/run/ruled"\n`,
      );
      expect(await machine.run('nvidia-smi', '-L')).toEqual(listed);
      await expect(stat(join(machine.root, 'run/ruled'))).resolves.toBeDefined();
    });

    test.each([
      ['no module', async () => rm(join(machine.root, `lib/modules/${KERNEL}`), { recursive: true })],
      ['a module for another kernel', async () => machine.module('vermagic', '5.4.0-1-aws SMP')],
      ['no GPU', async () => machine.unplug(M60)],
      ['the open module on a GPU older than Turing', async () => machine.module('license', 'Dual MIT/GPL')],
      ['a driver newer than the last for Maxwell', async () => machine.module('version', '590.10.01')],
      [
        'nouveau has the GPU',
        async () => symlink('../../drivers/nouveau', join(machine.root, 'sys/bus/pci/devices', M60.bus, 'driver')),
      ],
    ])('%s: the driver is not loaded', async (_, spoil) => {
      await machine.reset([M60]);
      await spoil();
      expect((await machine.run('nvidia-modprobe', '-u', '-c=0')).code).toBe(1);
      expect(await machine.run('nvidia-smi', '-L')).toEqual(NO_DRIVER);
    });

    test('a library of another version than the loaded module says so', async () => {
      await machine.reset([M60]);
      await machine.module('version', '580.1.2');
      expect(await machine.run('nvidia-smi', '-L')).toEqual({
        said: 'Failed to initialize NVML: Driver/library version mismatch\nNVML library version: 580.178',
        code: 18,
      });
      await machine.reset([{ ...M60, driver: '570.1.2' }]);
      expect((await machine.run('nvidia-smi', '-L')).code).toBe(18);
    });

    test('a GPU that falls off the bus is lost for whoever asks, and a module without a GPU has none', async () => {
      await machine.reset([M60, T4]);
      expect(await machine.run('nvidia-smi', '-L')).toEqual({
        said: `GPU 0: Tesla T4 (UUID: ${T4['uuid']})\nGPU 1: Tesla M60 (UUID: ${M60['uuid']})`,
        code: 0,
      });
      // As ecs-init asks.
      const ids = ['--query-gpu=driver_version,uuid', '--format=csv,noheader'];
      expect(await machine.run('nvidia-smi', ...ids)).toEqual({
        said: `${VERSION}, ${T4['uuid']}\n${VERSION}, ${M60['uuid']}`,
        code: 0,
      });
      const names = ['--query-gpu=name', '--format=csv,noheader'];
      expect((await machine.run('nvidia-smi', ...names)).said).toBe('Tesla T4\nTesla M60');
      await machine.plug({ ...M60, state: 'fell-off-bus' });
      const lost =
        'Unable to determine the device handle for GPU1: 0000:00:1E.0: ' +
        'GPU is lost.  Reboot the system to recover this GPU';
      expect(await machine.run('nvidia-smi', '-L')).toEqual({
        said: `GPU 0: Tesla T4 (UUID: ${T4['uuid']})\n${lost}`,
        code: 15,
      });
      expect(await machine.run('nvidia-smi', '--query-gpu=driver_version', '--format=csv,noheader')).toEqual({
        said: `${VERSION}\n${lost}`,
        code: 15,
      });
      await machine.unplug(M60);
      await machine.unplug(T4);
      expect(await machine.run('nvidia-smi', '-L')).toEqual({ said: 'No devices were found', code: 6 });
      await machine.reset([{ ...M60, state: 'init-failed' }]);
      expect(await machine.run('nvidia-smi', '-L')).toEqual({ said: 'No devices were found', code: 6 });
    });

    test('no library: that is said', async () => {
      await machine.reset([M60]);
      await rm(join(machine.root, 'usr/lib/x86_64-linux-gnu/libnvidia-ml.so.1'));
      expect(await machine.run('nvidia-smi', '-L')).toMatchObject({
        said: expect.stringContaining("couldn't find libnvidia-ml.so library"),
        code: 12,
      });
    });

    test('persistence is set for this boot, unless it is asked to be forgotten', async () => {
      const query = ['--query-gpu=persistence_mode', '--format=csv,noheader'];
      await machine.reset([M60]);
      expect(await machine.run('nvidia-smi', ...query)).toEqual({ said: 'Disabled', code: 0 });
      expect(await machine.run('nvidia-smi', '--persistence-mode=1')).toEqual({
        said: 'Enabled persistence mode for GPU 00000000:00:1E.0.\nAll done.',
        code: 0,
      });
      expect(await machine.run('nvidia-smi', ...query)).toEqual({ said: 'Enabled', code: 0 });
      expect((await machine.run('nvidia-smi', '--persistence-mode=1')).said).toBe(
        'Persistence mode is already Enabled for GPU 00000000:00:1E.0.\nAll done.',
      );
      await machine.reset([{ ...M60, persistence: 'refused' }]);
      expect((await machine.run('nvidia-smi', '--persistence-mode=1')).code).toBe(0);
      expect(await machine.run('nvidia-smi', ...query)).toEqual({ said: 'Disabled', code: 0 });
    });

    test('auto boost is of Maxwell alone', async () => {
      await machine.reset([M60]);
      expect((await machine.run('nvidia-smi', '--auto-boost-default=0')).code).toBe(0);
      await machine.reset([T4]);
      expect(await machine.run('nvidia-smi', '--auto-boost-default=0')).toMatchObject({
        said: expect.stringContaining('is not supported for GPU: 00000000:00:1D.0.\nTreating as warning'),
        code: 3,
      });
    });

    test('the whole query names the GPU, and a licence with the GRID driver alone', async () => {
      await machine.reset([M60]);
      const { said, code } = await machine.run('nvidia-smi', '-q');
      expect(code).toBe(0);
      expect(said).toMatch(/^Driver Version +: 580\.178\.04$/m);
      expect(said).toMatch(/^ +Product Name +: Tesla M60$/m);
      expect(said).not.toContain('License Status');
      await machine.put('etc/nvidia/gridd.conf.template', '');
      expect((await machine.run('nvidia-smi', '-q')).said).toMatch(/^ +License Status +: Licensed \(Expiry: N\/A\)$/m);
    });

    test('what the watch of a development host asks for', async () => {
      await machine.reset([M60]);
      const query = '--query-gpu=utilization.gpu,utilization.encoder';
      expect((await machine.run('nvidia-smi', query, '--format=csv,noheader,nounits')).said).toBe('0, 0');
      expect((await machine.run('nvidia-smi', query, '--format=csv,noheader')).said).toBe('0 %, 0 %');
    });

    test.each([
      ['nvidia-smi', [], 2],
      ['nvidia-smi', ['--query-gpu=temperature.gpu', '--format=csv,noheader'], 2],
      ['nvidia-smi', ['--query-gpu=driver_version', '--format=csv'], 2],
      ['nvidia-smi', ['--gpu-reset'], 2],
      ['nvidia-modprobe', ['-s'], 1],
      ['nvidia-modprobe', ['-c=x'], 1],
    ])('%s %j is refused with one line', async (program, words, code) => {
      await machine.reset([M60]);
      const answer = await machine.run(program, ...words);
      expect(answer.code).toBe(code);
      expect(answer.said.split('\n')).toHaveLength(1);
    });

    test('in a container, the facts that were mounted and the nodes that are there are all that it has', async () => {
      await machine.reset([M60, T4]);
      await machine.run('nvidia-smi', '-L');
      const facts = await Promise.all(
        [0, 1].map((minor) => readFile(join(machine.root, machine.factsOf(minor)), 'utf8')),
      );
      await rm(join(machine.root, 'run'), { recursive: true });
      await rm(join(machine.root, 'sys'), { recursive: true });
      await rm(join(machine.root, 'usr/bin/nvidia-modprobe'));
      expect(await machine.run('nvidia-smi', '-L')).toEqual(NO_DRIVER);
      for (const [minor, text] of facts.entries()) {
        await rm(join(machine.root, machine.factsOf(minor)));
        await machine.put(machine.factsOf(minor), text);
      }
      await rm(join(machine.root, 'dev/nvidia0'));
      expect(await machine.run('nvidia-smi', '-L')).toEqual(listed);
      expect((await machine.run('nvidia-smi', '--query-gpu=persistence_mode', '--format=csv,noheader')).said).toBe(
        '[N/A]',
      );
      await rm(join(machine.root, 'dev/nvidiactl'));
      expect(await machine.run('nvidia-smi', '-L')).toEqual(NO_DRIVER);
    });
  },
);
