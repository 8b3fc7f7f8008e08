import { execFileSync } from 'node:child_process';
import { generateKeyPairSync, verify } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { createServer, request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type IdentityKeys, loadIdentityKeys } from '../../../lab/imds/identity-keys.ts';
import { createImds } from '../../../lab/imds/imds.ts';
import type { ImdsInstance } from '../../../lab/imds/instance.ts';
import type { MachineSpec } from '../../../lab/machine-types.ts';
import type { LabPaths } from '../../../lab/paths.ts';
import { sharedTempFolder } from '../../support/temp-folder.ts';

const spec: MachineSpec = {
  instanceId: 'i-0123456789abcdef0',
  region: 'us-east-2',
  availabilityZone: 'us-east-2b',
  accountId: '123456789012',
  imageId: 'ami-0123456789abcdef0',
  machine: 'nspawn',
  instanceType: 'g3s.xlarge',
  gpus: [{ name: 'M60', count: 1, memoryMiB: 8192 }],
  diskId: 'vol-1',
  volumes: [
    { diskId: 'vol-2', deviceName: '/dev/sdf' },
    { diskId: 'vol-3', deviceName: 'xvdg' },
  ],
  vpcId: 'vpc-1',
  subnetId: 'subnet-1',
  keyPair: { name: 'packer', publicKey: 'ssh-ed25519 AAAAC3Nza somebody@somewhere' },
  userData: Buffer.from('#cloud-config\n'),
  instanceProfile: {
    arn: 'arn:aws:iam::123456789012:instance-profile/ecs-host',
    name: 'ecs-host',
    roleName: 'ecs-host-role',
  },
  httpTokens: 'required',
  httpPutResponseHopLimit: 1,
  securityGroups: [
    { id: 'sg-1', name: 'one', ingress: [] },
    { id: 'sg-2', name: 'two', ingress: [] },
  ],
};

const folder = sharedTempFolder();
let keys: IdentityKeys;
let server: Server;
let now: Date;
let instance: ImdsInstance | null;

beforeAll(async () => {
  keys = await loadIdentityKeys({ state: folder } as LabPaths);
  server = createServer(
    createImds({
      keys,
      now: () => now,
      lookup: (peer) => (peer === '10.78.1.4' ? instance : null),
      peerAddress: (incoming) => String(incoming.headers['x-test-peer'] ?? '10.78.1.4'),
    }),
  );
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});

afterAll(() => {
  server.closeAllConnections();
  server.close();
});

beforeEach(() => {
  now = new Date('2026-11-23T20:00:00Z');
  instance = {
    spec,
    address: { address: '10.78.1.4', macAddress: '0a:4e:0a:4e:01:04' },
    launchedAt: new Date('2026-11-23T19:59:58.321Z'),
  };
});

type Answer = { status: number; text: string; rawHeaders: readonly string[] };

function ask(method: string, path: string, headers: Record<string, string> = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sending = request(
      { port: (server.address() as AddressInfo).port, host: '127.0.0.1', method, path, headers },
      (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (part: string) => {
          text += part;
        });
        response.on('end', () => resolve({ status: response.statusCode ?? 0, text, rawHeaders: response.rawHeaders }));
      },
    );
    sending.on('error', reject);
    sending.end();
  });
}

function putToken(headers: Record<string, string> = { 'X-aws-ec2-metadata-token-ttl-seconds': '60' }): Promise<Answer> {
  return ask('PUT', '/latest/api/token', headers);
}

async function get(path: string): Promise<Answer> {
  const { text } = await putToken();
  return ask('GET', path, { 'X-aws-ec2-metadata-token': text });
}

function with_(change: Partial<MachineSpec>): void {
  if (instance) instance = { ...instance, spec: { ...spec, ...change } };
}

describe('tokens', () => {
  test('without one, the answer is 401 when tokens are required', async () => {
    expect((await ask('GET', '/latest/meta-data/instance-id')).status).toBe(401);
  });

  test('without one, the old version answers when tokens are optional; a wrong one is refused', async () => {
    with_({ httpTokens: 'optional' });
    expect((await ask('GET', '/latest/meta-data/instance-id')).text).toBe(spec.instanceId);
    expect((await ask('GET', '/latest/meta-data/instance-id', { 'X-aws-ec2-metadata-token': 'made up' })).status).toBe(
      401,
    );
  });

  test('a token is good for its time, and for its instance alone', async () => {
    const { text } = await putToken();
    const read = () => ask('GET', '/latest/meta-data/ami-id', { 'X-aws-ec2-metadata-token': text });
    expect((await read()).text).toBe(spec.imageId);
    with_({ instanceId: 'i-another' });
    expect((await read()).status).toBe(401);
    with_({});
    now = new Date(now.getTime() + 60_001);
    expect((await read()).status).toBe(401);
  });

  test.for([
    [{}],
    [{ 'X-aws-ec2-metadata-token-ttl-seconds': '0' }],
    [{ 'X-aws-ec2-metadata-token-ttl-seconds': '21601' }],
    [{ 'X-aws-ec2-metadata-token-ttl-seconds': 'x' }],
  ])('400 for %j', async ([headers]) => {
    expect((await putToken(headers as Record<string, string>)).status).toBe(400);
  });

  test('403 for a request that came through a proxy', async () => {
    expect(
      (await putToken({ 'X-aws-ec2-metadata-token-ttl-seconds': '60', 'X-Forwarded-For': '10.0.0.1' })).status,
    ).toBe(403);
  });

  test('the packet filter can tell the answer by its first header', async () => {
    expect((await putToken()).rawHeaders[0]).toBe('X-Aws-Ec2-Metadata-Token-Ttl-Seconds');
  });
});

describe('what is there', () => {
  test.for([
    ['instance-id', spec.instanceId],
    ['hostname', 'ip-10-78-1-4.us-east-2.compute.internal'],
    ['local-hostname', 'ip-10-78-1-4.us-east-2.compute.internal'],
    ['local-ipv4', '10.78.1.4'],
    ['public-ipv4', '10.78.1.4'],
    ['mac', '0a:4e:0a:4e:01:04'],
    ['ami-id', spec.imageId],
    ['instance-type', 'g3s.xlarge'],
    ['block-device-mapping/', 'ami\nebs1\nebs2\nroot'],
    ['block-device-mapping/ebs1', 'sdf'],
    ['block-device-mapping/ebs2', 'xvdg'],
    ['placement/availability-zone', 'us-east-2b'],
    ['placement/availability-zone-id', 'use2-az2'],
    ['placement/region', 'us-east-2'],
    ['security-groups', 'one\ntwo'],
    ['public-keys/', '0=packer'],
    ['public-keys/0/openssh-key', 'ssh-ed25519 AAAAC3Nza packer'],
    ['network/interfaces/macs/', '0a:4e:0a:4e:01:04/'],
    ['network/interfaces/macs/0a:4e:0a:4e:01:04/vpc-id', 'vpc-1'],
    ['network/interfaces/macs/0a:4e:0a:4e:01:04/security-group-ids', 'sg-1\nsg-2'],
    ['iam/security-credentials/', 'ecs-host-role'],
  ])('meta-data/%s', async ([path, expected]) => {
    expect(await get(`/latest/meta-data/${path}`)).toMatchObject({ status: 200, text: expected });
  });

  test('a listing has directories with a slash, with and without one at the end of the path', async () => {
    const { text } = await get('/latest/meta-data');
    expect(text.split('\n')).toEqual(expect.arrayContaining(['ami-id', 'iam/', 'network/', 'public-keys/']));
    expect((await get('/latest/meta-data/')).text).toBe(text);
    expect((await get('/')).text).toContain('2021-03-23\nlatest');
    expect((await get('/2021-03-23/')).text).toBe('dynamic/\nmeta-data/\nuser-data');
  });

  test('user data come as they were given', async () => {
    expect((await get('/latest/user-data')).text).toBe('#cloud-config\n');
  });

  test('credentials of the role, renewed by the hour', async () => {
    const path = '/latest/meta-data/iam/security-credentials/ecs-host-role';
    const read = async () => JSON.parse((await get(path)).text) as Record<string, string>;
    const first = await read();
    expect(first).toMatchObject({ Code: 'Success', Type: 'AWS-HMAC', Expiration: '2026-11-24T02:00:00Z' });
    expect(first['AccessKeyId']).toMatch(/^ASIA[A-Z0-9]{16}$/);
    expect(first['SecretAccessKey']).toHaveLength(40);
    expect(await read()).toEqual(first);
    now = new Date(now.getTime() + 3600_000);
    expect((await read())['AccessKeyId']).not.toBe(first['AccessKeyId']);
  });

  test('tags and an interruption notice, when there are any', async () => {
    if (instance)
      instance = { ...instance, tags: { Name: 'one' }, spotInterruptionAt: new Date('2026-11-23T20:02:00Z') };
    expect((await get('/latest/meta-data/tags/instance/Name')).text).toBe('one');
    expect(JSON.parse((await get('/latest/meta-data/spot/instance-action')).text)).toEqual({
      action: 'terminate',
      time: '2026-11-23T20:02:00Z',
    });
    expect(JSON.parse((await get('/latest/meta-data/events/recommendations/rebalance')).text)).toEqual({
      noticeTime: '2026-11-23T20:02:00Z',
    });
  });
});

describe('what is not there', () => {
  test.for([
    '/latest/meta-data/spot/instance-action',
    '/latest/meta-data/events/recommendations/rebalance',
    '/latest/meta-data/tags/instance',
    '/latest/meta-data/instance-id/x',
    '/1999/meta-data',
    '/latest/nothing',
  ])('404 for %s', async (path) => {
    const answer = await get(path);
    expect(answer.status).toBe(404);
    expect(answer.text).toMatch(/^<\?xml[\s\S]*404 - Not Found/);
  });

  test('no key, no profile, no user data: no entries', async () => {
    with_({ keyPair: null, instanceProfile: null, userData: null });
    const { text } = await get('/latest/meta-data/');
    expect(text).not.toMatch(/public-keys|iam/);
    expect((await get('/latest/user-data')).status).toBe(404);
  });

  test('a stranger gets nothing, and nothing but reading is allowed', async () => {
    expect((await ask('GET', '/', { 'x-test-peer': '10.78.1.5' })).status).toBe(404);
    expect((await ask('POST', '/latest/meta-data/')).status).toBe(405);
    expect((await ask('PUT', '/latest/meta-data/')).status).toBe(405);
  });
});

describe('identity document', () => {
  test('says what EC2 says', async () => {
    expect(JSON.parse((await get('/latest/dynamic/instance-identity/document')).text)).toMatchObject({
      accountId: '123456789012',
      availabilityZone: 'us-east-2b',
      imageId: spec.imageId,
      instanceId: spec.instanceId,
      pendingTime: '2026-11-23T19:59:58Z',
      privateIp: '10.78.1.4',
      region: 'us-east-2',
    });
  });

  test('is signed by the key of the certificate, and by no other', async () => {
    const { text: document } = await get('/latest/dynamic/instance-identity/document');
    const { text: signature } = await get('/latest/dynamic/instance-identity/signature');
    const bytes = Buffer.from(signature, 'base64');
    expect(verify('RSA-SHA256', Buffer.from(document), keys.certificatePem, bytes)).toBe(true);
    const other = generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey;
    expect(verify('RSA-SHA256', Buffer.from(document), other, bytes)).toBe(false);
  });

  test.for(['pkcs7', 'rsa2048'])('%s holds the document and verifies', async (name) => {
    const { text } = await get(`/latest/dynamic/instance-identity/${name}`);
    const file = join(folder, `${name}.pem`);
    await writeFile(file, `-----BEGIN CMS-----\n${text}\n-----END CMS-----\n`);
    const content = execFileSync(
      'openssl',
      [
        'cms',
        '-verify',
        '-inform',
        'PEM',
        '-in',
        file,
        '-certfile',
        keys.certificateFile,
        '-CAfile',
        keys.certificateFile,
        '-purpose',
        'any',
        '-binary',
      ],
      { stdio: ['ignore', 'pipe', 'ignore'] },
    );
    expect(content.toString()).toBe((await get('/latest/dynamic/instance-identity/document')).text);
  });

  test('keys are made once', async () => {
    expect((await loadIdentityKeys({ state: folder } as LabPaths)).certificatePem).toBe(keys.certificatePem);
  });
});
