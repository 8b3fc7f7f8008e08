import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { errorAnswer, errorCodeOf } from '../../../lab/endpoint/aws-answer.ts';
import { parseAwsRequest } from '../../../lab/endpoint/aws-request.ts';
import { openCallLog, redact } from '../../../lab/endpoint/call-log.ts';
import { consoleOutputAnswer } from '../../../lab/endpoint/console-output.ts';
import { Faults, parseFault } from '../../../lab/endpoint/faults.ts';
import { Queues } from '../../../lab/endpoint/queues.ts';
import { replaceAddresses } from '../../../lab/endpoint/replace-addresses.ts';
import { isUnsupported, unsupportedActions } from '../../../lab/endpoint/unsupported.ts';
import { tempFolder } from '../../support/temp-folder.ts';

const form = { 'content-type': 'application/x-www-form-urlencoded; charset=utf-8' };
function signed(scope: string) {
  return {
    authorization: `AWS4-HMAC-SHA256 Credential=lab/20261123/${scope}/aws4_request, SignedHeaders=host, Signature=x`,
  };
}

describe('reading a call', () => {
  test('finds service, region and action of a query call', () => {
    const call = parseAwsRequest({
      method: 'POST',
      path: '/',
      headers: { ...form, ...signed('us-east-2/ec2') },
      body: Buffer.from('Action=RunInstances&Version=2016-11-15&ImageId=ami-1'),
    });
    expect(call).toMatchObject({ service: 'ec2', region: 'us-east-2', action: 'RunInstances', protocol: 'ec2' });
    expect(call.parameters['ImageId']).toBe('ami-1');
  });

  test('finds them in a JSON call, signed or not', () => {
    const headers = {
      'x-amz-target': 'AmazonEC2ContainerServiceV20141113.RunTask',
      'content-type': 'application/x-amz-json-1.1',
    };
    const body = Buffer.from('{"cluster":"lab","count":1,"overrides":{}}');
    expect(
      parseAwsRequest({ method: 'POST', path: '/', headers: { ...headers, ...signed('us-west-2/ecs') }, body }),
    ).toMatchObject({
      service: 'ecs',
      region: 'us-west-2',
      action: 'RunTask',
      protocol: 'json',
      parameters: { cluster: 'lab', count: '1' },
    });
    expect(parseAwsRequest({ method: 'POST', path: '/', headers, body }).service).toBe('ecs');
  });

  test('takes anything else as it is', () => {
    expect(parseAwsRequest({ method: 'GET', path: '/acs/ws?x=1', headers: {}, body: Buffer.alloc(0) })).toMatchObject({
      service: 'unknown',
      action: '',
      protocol: 'other',
    });
    expect(
      parseAwsRequest({ method: 'POST', path: '/', headers: { 'x-amz-target': 'A.B' }, body: Buffer.from('not json') })
        .parameters,
    ).toEqual({});
  });
});

describe('answers', () => {
  test('write errors in each protocol, and find their code again', () => {
    for (const protocol of ['ec2', 'query', 'json'] as const) {
      const answer = errorAnswer(protocol, 400, 'Some.Code', 'a <message> & more');
      expect(errorCodeOf(answer)).toBe('Some.Code');
      if (protocol !== 'json') expect(answer.body.toString()).toContain('a &lt;message&gt; &amp; more');
    }
  });

  test('put real addresses in place of made-up ones, and only of whole ones', () => {
    const body = Buffer.from(
      '<ip>172.31.0.1</ip><dns>ip-172-31-0-1.us-west-2.compute.internal</dns><other>172.31.0.12</other>',
    );
    expect(replaceAddresses(body, new Map([['172.31.0.1', '10.78.1.4']])).toString()).toBe(
      '<ip>10.78.1.4</ip><dns>ip-10-78-1-4.us-west-2.compute.internal</dns><other>172.31.0.12</other>',
    );
  });

  test('send the newest 64 KiB of a console', () => {
    const text = `${'x'.repeat(70_000)}end`;
    const output = /<output>([^<]*)</.exec(consoleOutputAnswer('i-1', text, new Date(0)).body.toString())?.[1] ?? '';
    const decoded = Buffer.from(output, 'base64').toString();
    expect(decoded).toHaveLength(64 * 1024);
    expect(decoded.endsWith('end')).toBe(true);
  });
});

describe('faults', () => {
  test('spoil as many calls as asked, after as many as asked', () => {
    const faults = new Faults();
    faults.add(parseFault({ action: 'RunInstances', code: 'Throttling', times: 2, skip: 1 }));
    expect([1, 2, 3, 4].map(() => faults.take('RunInstances')?.code ?? null)).toEqual([
      null,
      'Throttling',
      'Throttling',
      null,
    ]);
    expect(faults.list()).toEqual([]);
    faults.add(parseFault({ action: '*', code: 'X' }));
    expect(faults.take('DescribeImages')?.httpStatus).toBe(400);
  });

  test.each([[null], [{ action: '', code: 'x' }], [{ action: 'A' }], [{ action: 'A', code: 'x', times: 1.5 }]])(
    'refuse %j',
    (value) => {
      expect(() => parseFault(value)).toThrow(TypeError);
    },
  );
});

describe('the log of calls', () => {
  test('has no secrets and no endless values', () => {
    expect(
      redact({
        Action: 'X',
        ImageId: 'ami-1',
        UserData: 'c2VjcmV0',
        PublicKeyMaterial: 'AAAA',
        PolicyDocument: '{}',
        ClientToken: 'token-1',
        'MetadataOptions.HttpTokens': 'required',
        Description: 'x'.repeat(500),
      }),
    ).toEqual({
      ImageId: 'ami-1',
      UserData: '(8 characters)',
      PublicKeyMaterial: '(4 characters)',
      PolicyDocument: '(2 characters)',
      ClientToken: 'token-1',
      'MetadataOptions.HttpTokens': 'required',
      Description: `${'x'.repeat(200)}...`,
    });
  });

  test('is one JSON document a line, and keeps the one before', async () => {
    const folder = tempFolder();
    const file = join(folder, 'calls.ndjson');
    const call = {
      at: 'now',
      service: 'ec2',
      region: 'us-west-2',
      action: 'A',
      parameters: {},
      status: 200,
      durationMs: 1,
      from: 'loopback',
    };
    for (const action of ['First', 'Second']) {
      const log = openCallLog(file);
      log.record({ ...call, action });
      expect(log.recent()).toHaveLength(1);
      await log.close();
    }
    expect(JSON.parse(await readFile(file, 'utf8'))).toMatchObject({ action: 'Second' });
    expect(JSON.parse(await readFile(`${file}.1`, 'utf8'))).toMatchObject({ action: 'First' });
  });
});

describe('queues', () => {
  test('keep the order for one key, and a failure does not stop what follows', async () => {
    const queues = new Queues();
    const order: string[] = [];
    const step = (name: string, ms: number) => async (): Promise<void> => {
      await new Promise((resolve) => setTimeout(resolve, ms));
      order.push(name);
    };
    void queues.add(['a'], step('a1', 30));
    queues.add(['a'], () => Promise.reject(new Error('broken'))).catch(() => order.push('failed'));
    void queues.add(['a', 'b'], step('ab', 1));
    void queues.add(['c'], step('c', 1));
    void queues.add(['b'], step('b2', 1));
    await queues.idle();
    expect(order).toEqual(['c', 'a1', 'failed', 'ab', 'b2']);
  });
});

describe('the list of what the lab does not support', () => {
  test('is the one in the README', async () => {
    const readme = await readFile(join(import.meta.dirname, '../../../lab/README.md'), 'utf8');
    const section = readme.split(/^## /m).find((part) => part.startsWith('Not supported')) ?? '';
    const named = [...section.matchAll(/`([A-Z][A-Za-z0-9]+)`/g)].map((match) => match[1]);
    for (const action of unsupportedActions()) expect(named).toContain(action);
    expect(isUnsupported('ecs', 'ExecuteCommand')).toBe(true);
    expect(isUnsupported('ecs', 'RunTask')).toBe(false);
  });
});
