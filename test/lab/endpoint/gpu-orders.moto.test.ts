import { DescribeInstanceTypesCommand, RunInstancesCommand, TerminateInstancesCommand } from '@aws-sdk/client-ec2';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseGpuOrder } from '../../../lab/endpoint/gpu-orders.ts';
import { sharedTempFolder } from '../../support/temp-folder.ts';
import { motoIsInstalled, startEndpoint } from './endpoint-with-moto.ts';

test.each([
  [{ fault: 'melted' }, 'fault: one of no-device'],
  [{ fault: 'no-device', slot: -1 }, 'slot: a number from 0'],
  [{ fault: 'no-device', launches: 0 }, 'launches: a whole number'],
  [{ fault: 'no-device', instanceId: 'i-1', launches: 2 }, 'not both'],
  [{ fault: 'other-model' }, 'model: of other-model'],
  [{ fault: 'no-device', model: 'T4' }, 'model: of other-model'],
])('%j is refused', (order, why) => {
  expect(() => parseGpuOrder(order)).toThrow(why);
});

describe.skipIf(!motoIsInstalled)('GPUs of instances', () => {
  let lab: Awaited<ReturnType<typeof startEndpoint>>;
  const folder = sharedTempFolder();
  beforeAll(async () => {
    lab = await startEndpoint(folder);
  });
  afterAll(async () => {
    await lab?.stop();
  });

  const ask = async (method: string, body?: object): Promise<{ status: number; said: unknown }> => {
    const response = await fetch(`${lab.url}/_lab/gpus`, { method, ...(body && { body: JSON.stringify(body) }) });
    return { status: response.status, said: await response.json() };
  };
  const launch = async (InstanceType: 'g3s.xlarge' | 'g4dn.12xlarge' | 't3.large'): Promise<string> => {
    const { Instances = [] } = await lab
      .ec2()
      .send(new RunInstancesCommand({ ImageId: lab.baseImages['us-west-2'], InstanceType, MinCount: 1, MaxCount: 1 }));
    await lab.service.idle();
    return Instances[0]?.InstanceId ?? '';
  };

  test('EC2 and machines are told of the same GPUs', async () => {
    const { InstanceTypes = [] } = await lab
      .ec2()
      .send(new DescribeInstanceTypesCommand({ InstanceTypes: ['g3s.xlarge'] }));
    expect(InstanceTypes[0]?.GpuInfo?.Gpus).toMatchObject([{ Name: 'M60', Count: 1, MemoryInfo: { SizeInMiB: 8192 } }]);
    const gpus = async (type: Parameters<typeof launch>[0]) => lab.fakes.specs.get(await launch(type))?.gpus;
    expect(await gpus('g3s.xlarge')).toEqual([{ name: 'M60', count: 1, memoryMiB: 8192 }]);
    expect(await gpus('g4dn.12xlarge')).toEqual([{ name: 'T4', count: 4, memoryMiB: 16384 }]);
    expect(await gpus('t3.large')).toEqual([]);
  });

  test('an order for the next launch is for one of its type, and stays with the instance', async () => {
    await ask('POST', { fault: 'fell-off-bus', instanceType: 'g3s.xlarge' });
    const [other, struck, after] = [
      await launch('g4dn.12xlarge'),
      await launch('g3s.xlarge'),
      await launch('g3s.xlarge'),
    ];
    const faults = [{ fault: 'fell-off-bus', slot: null, model: null }];
    expect([other, struck, after].map((id) => lab.fakes.gpuFaults.get(id))).toEqual([undefined, faults, undefined]);
    expect((await ask('GET')).said).toMatchObject([{ instanceId: struck, fault: 'fell-off-bus' }]);
    await ask('DELETE');
    expect(lab.fakes.gpuFaults.get(struck)).toEqual([]);
  });

  test('an order for an instance is for one that is there', async () => {
    const instanceId = await launch('g3s.xlarge');
    await ask('POST', { instanceId, fault: 'no-device' });
    await ask('POST', { instanceId, fault: 'other-model', model: 'T4', slot: 0 });
    expect(lab.fakes.gpuFaults.get(instanceId)).toEqual([
      { fault: 'no-device', slot: null, model: null },
      { fault: 'other-model', slot: 0, model: 'T4' },
    ]);
    await lab.ec2().send(new TerminateInstancesCommand({ InstanceIds: [instanceId] }));
    await lab.service.idle();
    expect((await ask('GET')).said).toEqual([]);
    expect(await ask('POST', { instanceId, fault: 'no-device' })).toEqual({
      status: 400,
      said: { error: `there is no instance ${instanceId}` },
    });
  });
});
