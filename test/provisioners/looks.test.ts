import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { versionIn } from '../../provisioners/concerns/ecs-agent.ts';
import { awsCliUrl } from '../../provisioners/concerns/user-tools.ts';
import { agentDefaults, renderEnvironmentFile, settingIn } from '../../provisioners/lib/agent-config.ts';
import { isInVersion } from '../../provisioners/lib/apt.ts';
import { nvidiaDevices } from '../../provisioners/lib/gpus.ts';
import { osReleaseValue } from '../../provisioners/lib/os-release.ts';
import { homesIn, keysIn } from '../../provisioners/lib/ssh-keys.ts';
import { parseSysctl } from '../../provisioners/lib/sysctl.ts';
import { PULLS, parseUnits, reach, WAITS } from '../../provisioners/lib/unit-graph.ts';
import { nvidia, target } from '../fixtures/target-config.ts';
import { tempFolder } from '../support/temp-folder.ts';

describe('what starts what', () => {
  const show = `Id=ecs-host.service
Names=ecs-host.service
Wants=network-online.target
After=network-online.target basic.target

Id=network-online.target
Names=network-online.target
Requires=helper.service

Id=helper.service
Names=helper.service alias.service
BindsTo=docker.service

Id=basic.target
Names=basic.target
After=sockets.target

Id=sockets.target
Names=sockets.target
After=docker.socket

Id=docker.service
Names=docker.service
`;

  test('is followed over other units, and the way is told', () => {
    const ways = reach(parseUnits(show), 'ecs-host.service', PULLS);
    expect(ways.get('docker.service')).toEqual([
      'ecs-host.service',
      'network-online.target',
      'helper.service',
      'docker.service',
    ]);
  });

  test('is known by every name', () => {
    expect(parseUnits(show).get('alias.service')?.['BindsTo']).toEqual(['docker.service']);
  });

  test('ends in a circle', () => {
    const units = parseUnits('Id=a.service\nRequires=b.service\n\nId=b.service\nRequires=a.service\n');
    expect([...reach(units, 'a.service', PULLS).keys()]).toEqual(['a.service', 'b.service']);
  });

  test('takes no order from sockets.target, which every service is after', () => {
    expect(reach(parseUnits(show), 'basic.target', WAITS).has('docker.socket')).toBe(false);
    const direct = parseUnits('Id=ecs-host.service\nAfter=docker.socket\n');
    expect(reach(direct, 'ecs-host.service', WAITS).has('docker.socket')).toBe(true);
  });
});

describe('keys that let in', () => {
  test('are found with options before and comments behind them', () => {
    const text = [
      '# ssh-rsa AAAAcommented',
      'ssh-ed25519 AAAAC3one launch',
      'no-pty,command="echo \'use admin\'" ecdsa-sha2-nistp256   AAAAE2two',
      '',
      'nonsense',
    ].join('\n');
    expect(keysIn(text)).toEqual(['ssh-ed25519 AAAAC3one', 'ecdsa-sha2-nistp256 AAAAE2two']);
  });

  test('are looked for in every home', () => {
    expect(
      homesIn(
        'root:x:0:0::/root:/bin/sh\nsync:x:4:4::/:/bin/sync\nnobody:x:9:9::/nonexistent:/x\na:x:1:1::/home/a:/x\n',
      ),
    ).toEqual(['/root', '/home/a']);
  });
});

describe("the agent's defaults", () => {
  test('are found as ecs-init finds them: the later file and the later line win', () => {
    const image = renderEnvironmentFile(agentDefaults(target));
    expect(settingIn([image, null], 'ECS_IMAGE_PULL_BEHAVIOR')).toBe('default');
    expect(
      settingIn([image, 'ECS_IMAGE_PULL_BEHAVIOR=once\n ECS_IMAGE_PULL_BEHAVIOR=always '], 'ECS_IMAGE_PULL_BEHAVIOR'),
    ).toBe('always');
    expect(settingIn([image], 'ECS_IMAGE')).toBeNull();
  });

  test('announce nothing that the image cannot do', () => {
    expect(agentDefaults(target)).toMatchObject({ ECS_VOLUME_PLUGIN_CAPABILITIES: '[]' });
  });

  test('know of GPUs only where there are some', () => {
    expect(agentDefaults(target)).not.toHaveProperty('ECS_ENABLE_GPU_SUPPORT');
    expect(agentDefaults({ ...target, nvidia })).toMatchObject({
      ECS_ENABLE_GPU_SUPPORT: 'true',
      ECS_NVIDIA_RUNTIME: 'nvidia',
    });
  });

  test('name no cluster: that is the user data', () => {
    expect(Object.keys(agentDefaults(target))).not.toContain('ECS_CLUSTER');
  });

  test('mean the same to systemd and to ecs-init', () => {
    expect(renderEnvironmentFile(agentDefaults(target))).toContain(
      'ECS_AVAILABLE_LOGGING_DRIVERS=["json-file","journald","syslog","awslogs"]\n',
    );
    for (const value of ['two words', '"quoted"', "it's", 'a\\b', '#x', ''])
      expect(() => renderEnvironmentFile({ A: value })).toThrow(RangeError);
    expect(() => renderEnvironmentFile({ 'a b': 'x' })).toThrow(RangeError);
  });
});

describe('facts', () => {
  test('of sysctl.d', () => {
    expect([...parseSysctl('# a\nvm.swappiness = 10\n\nnet.core.rmem_max=1\n; b\n')]).toEqual([
      ['vm.swappiness', '10'],
      ['net.core.rmem_max', '1'],
    ]);
  });

  test('of os-release', () => {
    expect(osReleaseValue('NAME="X"\nPRETTY_NAME="Ubuntu 20.04.6 LTS"\nVERSION_CODENAME=focal\n', 'PRETTY_NAME')).toBe(
      'Ubuntu 20.04.6 LTS',
    );
    expect(osReleaseValue('VERSION_CODENAME=focal\n', 'VERSION_CODENAME')).toBe('focal');
  });

  test('of the AWS CLI', () => {
    expect(awsCliUrl('2.31.0')).toBe('https://awscli.amazonaws.com/awscli-exe-linux-x86_64-2.31.0.zip');
    expect(awsCliUrl(null)).toBe('https://awscli.amazonaws.com/awscli-exe-linux-x86_64.zip');
  });

  test("of the PCI bus: NVIDIA's display controllers and nothing else", async () => {
    const folder = tempFolder();
    const add = async (name: string, vendor: string, kind: string, device: string): Promise<void> => {
      await mkdir(join(folder, name));
      for (const [file, value] of Object.entries({ vendor, class: kind, device }))
        await writeFile(join(folder, name, file), `${value}\n`);
    };
    await add('0000:00:1e.0', '0x10de', '0x030000', '0x13f2');
    await add('0000:00:1e.1', '0x10de', '0x040300', '0x0fbb');
    await add('0000:00:02.0', '0x1013', '0x030000', '0x00b8');
    expect(await nvidiaDevices(folder)).toEqual([0x13f2]);
  });
});

test("the name of Amazon's deb says the version, unless it is that of the latest", () => {
  const url = (name: string): string =>
    `https://s3.us-east-1.amazonaws.com/amazon-ecs-agent-us-east-1/${name}.amd64.deb`;
  expect(versionIn(url('amazon-ecs-init-1.108.0-1'))).toBe('1.108.0-1');
  expect(versionIn(url('amazon-ecs-init-latest'))).toBeNull();
});

test('installed is what has the version that is asked for, if one is', () => {
  expect([isInVersion('1.0-1', null), isInVersion('1.0-1', '1.0-1')]).toEqual([true, true]);
  expect([isInVersion('1.0-2', '1.0-1'), isInVersion(null, null)]).toEqual([false, false]);
});
