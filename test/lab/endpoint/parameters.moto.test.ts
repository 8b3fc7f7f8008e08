import {
  DeleteParametersCommand,
  GetParameterCommand,
  GetParameterHistoryCommand,
  GetParametersByPathCommand,
  type ParameterType,
  PutParameterCommand,
  SSMClient,
} from '@aws-sdk/client-ssm';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { sharedTempFolder } from '../../support/temp-folder.ts';
import { motoIsInstalled, startEndpoint } from './endpoint-with-moto.ts';

describe.skipIf(!motoIsInstalled)('parameters', () => {
  let lab: Awaited<ReturnType<typeof startEndpoint>>;
  const folder = sharedTempFolder();
  let ssm: SSMClient;
  let base: string;
  const start = async () => {
    lab = await startEndpoint(folder);
    const credentials = { accessKeyId: 'lab', secretAccessKey: 'lab' };
    ssm = new SSMClient({ region: 'us-west-2', endpoint: lab.url, credentials, maxAttempts: 1 });
    base = lab.baseImages['us-west-2'] ?? '';
  };
  beforeAll(start);
  afterAll(async () => {
    ssm?.destroy();
    await lab?.stop();
  });

  const put = (Name: string, Value: string, more: object = {}) =>
    ssm.send(new PutParameterCommand({ Name, Value, Type: 'String', ...more }));
  const valuesBelow = async (Path: string, more: object = {}): Promise<string[]> => {
    const found: string[] = [];
    let NextToken: string | undefined;
    do {
      const page = await ssm.send(new GetParametersByPathCommand({ Path, MaxResults: 5, NextToken, ...more }));
      expect(page.Parameters?.length).toBeLessThanOrEqual(5);
      found.push(...(page.Parameters ?? []).map(({ Name = '' }) => Name));
      NextToken = page.NextToken;
    } while (NextToken !== undefined);
    return found;
  };

  test('of an image hold the id of an available one in that region', async () => {
    const image = { DataType: 'aws:ec2:image' };
    await put('/ecs-host/a/stable/image-id', base, image);
    const { Parameter } = await ssm.send(new GetParameterCommand({ Name: '/ecs-host/a/stable/image-id' }));
    expect(Parameter).toMatchObject({ Value: base, DataType: 'aws:ec2:image', Version: 1 });
    const elsewhere = lab.baseImages['us-east-1'] ?? '';
    for (const value of ['nothing', 'ami-0123456789abcdef0', elsewhere])
      await expect(put('/ecs-host/b/stable/image-id', value, image)).rejects.toMatchObject({
        name: 'ValidationException',
      });
    const list = { ...image, Type: 'StringList' as ParameterType };
    await expect(put('/ecs-host/b/stable/image-id', base, list)).rejects.toMatchObject({ name: 'ValidationException' });
    await expect(ssm.send(new GetParameterCommand({ Name: '/ecs-host/b/stable/image-id' }))).rejects.toMatchObject({
      name: 'ParameterNotFound',
    });
  });

  test('count their versions, which stay readable, over a restart as well', async () => {
    const name = '/ecs-host/counted/version';
    expect((await put(name, 'one')).Version).toBe(1);
    await expect(put(name, 'two')).rejects.toMatchObject({ name: 'ParameterAlreadyExists' });
    expect((await put(name, 'two', { Overwrite: true })).Version).toBe(2);
    await lab.stop();
    ssm.destroy();
    await start();
    expect((await put(name, 'three', { Overwrite: true })).Version).toBe(3);
    const { Parameters } = await ssm.send(new GetParameterHistoryCommand({ Name: name, MaxResults: 2 }));
    expect(Parameters?.map(({ Version, Value }) => [Version, Value])).toEqual([
      [1, 'one'],
      [2, 'two'],
    ]);
    const old = await ssm.send(new GetParameterCommand({ Name: `${name}:1` }));
    expect(old.Parameter?.Value).toBe('one');
  }, 60_000);

  test('are found below a path, in pages, and deleted by the list', async () => {
    const names = Array.from({ length: 12 }, (_, n) => `/tree/deep-${n}/leaf`);
    for (const name of ['/tree/leaf', ...names]) await put(name, 'x');
    expect(await valuesBelow('/tree')).toEqual(['/tree/leaf']);
    expect(await valuesBelow('/tree/', { Recursive: true })).toEqual(['/tree/leaf', ...names]);
    const asked = [...names.slice(0, 3), '/tree/none'];
    const deleted = await ssm.send(new DeleteParametersCommand({ Names: asked }));
    expect(deleted.DeletedParameters).toEqual(names.slice(0, 3));
    expect(deleted.InvalidParameters).toEqual(['/tree/none']);
    expect(await valuesBelow('/tree', { Recursive: true })).toHaveLength(10);
    expect((await put(names[0] ?? '', 'again')).Version).toBe(1);
  });
});
