import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { BootedHost } from './booted-host.ts';
import { awsLeftovers } from './lab-handle.ts';
import { type Baked, bootOwnKernel, consoleText, MISSING, PATIENT_MS } from './own-kernel.ts';

const DOWN = 'inactive inactive inactive inactive';
const UP = 'active active active active';

/** What keeps the gate shut has nothing in common with the machine outside. */
export function describeOwnKernel(baked: () => Baked): void {
  describe('the image with a kernel of its own', () => {
    let host: BootedHost;

    beforeAll(async () => {
      if (MISSING === null) host = await bootOwnKernel(baked());
    }, 3 * PATIENT_MS);
    afterAll(async () => {
      await host?.[Symbol.asyncDispose]();
      expect(await awsLeftovers(baked().lab)).toEqual([]);
    }, PATIENT_MS);

    beforeEach(({ skip }) => skip(MISSING !== null, MISSING ?? ''));

    const run = (command: string): Promise<string> => host.run(command);
    const expectShut = async (): Promise<void> => {
      expect((await host.units()).replaceAll('failed', 'inactive')).toBe(DOWN);
    };

    test('shares nothing with the machine outside, and cloud-init knows EC2', async () => {
      expect(await run('uname -r')).toMatch(/-cloud-amd64$/);
      expect(await run('systemd-detect-virt --vm; systemd-detect-virt --container || true')).toMatch(/\nnone$/);
      expect(await run('stat -f -c %T /sys/fs/cgroup')).toBe('cgroup2fs');
      expect(await run('findmnt -n -o FSTYPE,SOURCE /')).toMatch(/^ext4 +\/dev\/nvme\dn1$/);
      expect(await run('cloud-init status --wait')).toContain('done');
      expect(await run('cat /run/cloud-init/instance-data.json')).toContain('"cloud_name": "aws"');
      expect(await consoleText(host, host.instanceId)).toMatch(
        /SYSLINUX[\s\S]*Loading \/vmlinuz[\s\S]*Linux version[\s\S]*lab: init starts/,
      );
    });

    test('boots with its gate shut, and it stays shut', async () => {
      await host.reach('handshake');
      await expectShut();
      const { exitCode, output } = await host.try('sudo systemctl start docker.service ecs.service');
      expect(exitCode).not.toBe(0);
      expect(output).toMatch(/[Aa]ssertion|dependency job/);
      await expectShut();
    });

    test('is granted: Docker and the agent come up, and containers have limits', async () => {
      host.decide({ kind: 'grant' });
      await host.reach('serving');
      expect(await host.units()).toBe(UP);
      // As little as a container can be made of.
      await run(
        `tar -ch /bin/cat $(ldd /bin/cat | grep -o '/[^ ]*') 2>/dev/null | sudo docker import - lab/cat >/dev/null`,
      );
      const limit = 'sudo docker run --rm --network none --memory 64m lab/cat /bin/cat /sys/fs/cgroup/memory.max';
      expect(await run(limit)).toBe(String(64 * 1024 ** 2));
    });
  });
}
