import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, test, vi } from 'vitest';
import { besidePath } from '../../src/image/beside.ts';
import { removeRecord, saveRecord } from '../../src/image/image-store.ts';
import { explainImage } from '../../src/inventory/explain-image.ts';
import { explanationLines, explanationOf } from '../../src/inventory/explanation.ts';
import { readStored, requireStored } from '../../src/inventory/inventory-store.ts';
import { parseProvenance, readProvenance } from '../../src/inventory/provenance.ts';
import { isSignedBy, keyId, sealed, signingKey, verifyingKey } from '../../src/inventory/signature.ts';
import { statementOf } from '../../src/inventory/statement.ts';
import { projectFolder } from '../../src/io/paths.ts';
import type { BuildPlan } from '../../src/plan/build-plan.ts';
import { aRecord } from '../fixtures/image-record.ts';
import { anInventory } from '../fixtures/inventory.ts';
import { tempFolder } from '../support/temp-folder.ts';

const GOLDEN = join(projectFolder(), 'test', 'inventory', 'golden', 'provenance.json');
const DIGEST = '1'.repeat(64);
const record = { ...aRecord('ami-0aa'), planDigest: DIGEST, commit: 'c'.repeat(40) };
const plan = {
  digest: DIGEST,
  apiRegion: 'us-west-2',
  baseImage: { id: 'ami-base', name: 'debian-12', ownerId: '136693071363' },
  node: { version: '24.21.0', sha256: '2'.repeat(64) },
  toolchain: { packer: '1.12.0', amazonPlugin: '1.3.4' },
  bundles: [{ path: 'rootfs.tar', sha256: '3'.repeat(64), bytes: 1 }],
  packageLists: { 'bookworm-security': '4'.repeat(64), bookworm: 'unknown' },
} as unknown as BuildPlan;

let folder: string;

beforeEach(() => {
  folder = tempFolder();
  vi.stubEnv('ECS_HOST_STATE', folder);
  vi.stubEnv('ECS_HOST_SIGNING_KEY', '');
  return () => vi.unstubAllEnvs();
});

type Made = { readonly file: string; readonly publicFile: string; readonly publicKey: KeyObject };

async function makeKey(type: 'ed25519' | 'ec', name = 'key'): Promise<Made> {
  const { privateKey, publicKey } =
    type === 'ec' ? generateKeyPairSync('ec', { namedCurve: 'P-256' }) : generateKeyPairSync('ed25519');
  const [file, publicFile] = [join(folder, `${name}.pem`), join(folder, `${name}.pub.pem`)];
  await writeFile(file, privateKey.export({ type: 'pkcs8', format: 'pem' }));
  await writeFile(publicFile, publicKey.export({ type: 'spki', format: 'pem' }));
  return { file, publicFile, publicKey };
}

async function provenance() {
  const found = await readProvenance('ami-0aa');
  if (found === null || typeof found === 'string') throw new Error(found ?? 'there is none');
  return found;
}

describe('the statement', () => {
  test('is what it was', async () => {
    const files = { 'ami-0aa.inventory.json': '5'.repeat(64) };
    const statement = statementOf({ record, plan, tool: { name: 'ecs-host', version: '0.1.0' }, files });
    const text = `${JSON.stringify(statement, null, 2)}\n`;
    if (process.env['UPDATE_GOLDEN'] === '1') await writeFile(GOLDEN, text);
    expect(text).toBe(await readFile(GOLDEN, 'utf8'));
  });

  test('without the plan says no more than the record', () => {
    const dirty = { ...record, commit: `${'c'.repeat(40)}-dirty`, runId: 'r' };
    const { predicate } = statementOf({ record: dirty, plan: null, tool: { name: 'x', version: '1' }, files: {} });
    expect(predicate.buildDefinition.resolvedDependencies).toEqual([
      { name: 'ecs-host', annotations: { commit: dirty.commit } },
      { name: 'base image', uri: 'urn:ecs-host:image:us-west-2:ami-base' },
    ]);
    expect(predicate.runDetails.metadata).not.toHaveProperty('startedOn');
  });
});

describe('what explains an image', () => {
  test('is written beside its record, says that nobody signed it, and goes with it', async () => {
    await saveRecord(record);
    await explainImage('ami-0aa', plan, anInventory('ami-0aa'));
    const names = ['ami-0aa.cdx.json', 'ami-0aa.inventory.json', 'ami-0aa.json', 'ami-0aa.provenance.json'];
    expect((await readdir(join(folder, 'images'))).sort()).toEqual(names);
    expect(await readStored('ami-0aa')).toEqual(anInventory('ami-0aa'));
    const told = await explanationOf('ami-0aa');
    expect(told).toMatchObject({ packages: 4, npmPackages: 2, signedBy: [] });
    expect(explanationLines(told).join('\n')).toContain('(not signed)');
    expect(await removeRecord('ami-0aa')).toBe(true);
    expect(await readdir(join(folder, 'images'))).toEqual([]);
    expect(explanationLines(await explanationOf('ami-0aa'))).toEqual([
      'packages          not known',
      'SBOM              none',
      'provenance        none',
    ]);
  });

  test('is nothing for an image without a record', async () => {
    await explainImage('ami-0aa', plan, anInventory('ami-0aa'));
    await expect(readdir(join(folder, 'images'))).rejects.toThrow('ENOENT');
    await expect(requireStored('ami-0aa')).rejects.toMatchObject({ code: 'INVENTORY_MISSING' });
  });

  test('stays as it was when the image is tested again, signed or not', async () => {
    await saveRecord(record);
    const key = await makeKey('ed25519');
    vi.stubEnv('ECS_HOST_SIGNING_KEY', key.file);
    await explainImage('ami-0aa', plan, anInventory('ami-0aa'));
    const before = await readFile(besidePath('ami-0aa', 'provenance'), 'utf8');
    vi.stubEnv('ECS_HOST_SIGNING_KEY', '');
    await explainImage('ami-0aa', { ...plan, digest: 'another' }, { ...anInventory('ami-0aa'), npm: [] });
    expect(await readFile(besidePath('ami-0aa', 'provenance'), 'utf8')).toBe(before);
    expect((await readStored('ami-0aa'))?.npm).toHaveLength(2);
  });

  test('is signed as soon as there is a key, and made whole where a file is gone or damaged', async () => {
    await saveRecord(record);
    await explainImage('ami-0aa', plan, anInventory('ami-0aa'));
    const key = await makeKey('ec');
    vi.stubEnv('ECS_HOST_SIGNING_KEY', key.file);
    await explainImage('ami-0aa', plan, anInventory('ami-0aa'));
    expect(isSignedBy((await provenance()).envelope, key.publicKey)).toBe(true);
    await writeFile(besidePath('ami-0aa', 'inventory'), '{"torn');
    await expect(readStored('ami-0aa')).rejects.toMatchObject({ kind: 'user', code: 'INVENTORY_UNREADABLE' });
    expect((await explanationOf('ami-0aa')).packages).toBeNull();
    await explainImage('ami-0aa', plan, anInventory('ami-0aa'));
    expect((await readStored('ami-0aa'))?.packages).toHaveLength(4);
  });

  test('by another plan than the one of the bake names only what the record does', async () => {
    await saveRecord(record);
    await explainImage('ami-0aa', { ...plan, digest: '9'.repeat(64) }, anInventory('ami-0aa'));
    const { statement } = await provenance();
    expect(statement.predicate.buildDefinition.resolvedDependencies.map(({ name }) => name)).toEqual([
      'ecs-host',
      'base image',
    ]);
  });
});

describe('a signature', () => {
  test.each(['ed25519', 'ec'] as const)('by %s holds for its key and its text alone', async (type) => {
    const [key, other] = [await makeKey(type), await makeKey(type, 'other')];
    vi.stubEnv('ECS_HOST_SIGNING_KEY', key.file);
    const envelope = sealed('{"a":1}', await signingKey());
    const read = await verifyingKey(key.publicFile);
    expect(envelope.signatures[0]?.keyid).toBe(keyId(read));
    expect(isSignedBy(envelope, read)).toBe(true);
    expect(isSignedBy(envelope, other.publicKey)).toBe(false);
    const changed = { ...envelope, payload: Buffer.from('{"a":2}').toString('base64') };
    expect(isSignedBy(changed, read)).toBe(false);
    expect(isSignedBy({ ...envelope, payloadType: 'text/plain' }, read)).toBe(false);
    expect(isSignedBy({ ...envelope, signatures: [{ keyid: keyId(read), sig: 'AAAA' }] }, read)).toBe(false);
    expect(isSignedBy({ ...envelope, signatures: [] }, read)).toBe(false);
  });

  test('is what the specification of DSSE gives for its example of bytes', async () => {
    const key = await makeKey('ed25519');
    vi.stubEnv('ECS_HOST_SIGNING_KEY', key.file);
    const { verify } = await import('node:crypto');
    const { payloadType, signatures } = sealed('hello world', await signingKey());
    const bytes = Buffer.from(`DSSEv1 28 ${payloadType} 11 hello world`);
    expect(verify(null, bytes, key.publicKey, Buffer.from(signatures[0]?.sig ?? '', 'base64'))).toBe(true);
  });

  test.each<[string, () => Promise<string>, string]>([
    ['is not there', async () => join(folder, 'nowhere.pem'), 'ENOENT'],
    [
      'holds no key',
      async () => {
        await writeFile(join(folder, 'text.pem'), 'hello');
        return join(folder, 'text.pem');
      },
      'is no private key',
    ],
    [
      'holds one of another kind',
      async () => {
        const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'secp384r1' });
        await writeFile(join(folder, 'p384.pem'), privateKey.export({ type: 'pkcs8', format: 'pem' }));
        return join(folder, 'p384.pem');
      },
      'it is of type ec',
    ],
    ['is a public one', async () => (await makeKey('ed25519')).publicFile, 'is no private key'],
  ])('cannot be made with a file that %s', async (_, make, reason) => {
    vi.stubEnv('ECS_HOST_SIGNING_KEY', await make());
    await expect(signingKey()).rejects.toMatchObject({
      ...{ kind: 'user', code: 'SIGNING_KEY' },
      message: expect.stringContaining(reason) as string,
    });
  });

  test('is not asked for where no key is named', async () => {
    expect(await signingKey()).toBeNull();
  });
});

test.each([
  ['{', 'it is not JSON'],
  ['{"payloadType":"text/plain","payload":"","signatures":[]}', 'its payloadType is not of the right kind'],
  [JSON.stringify({ ...sealed('[]', null) }), 'of its payload: it holds no object'],
  [JSON.stringify({ ...sealed('{"_type":"x"}', null) }), 'of its payload: it lacks predicateType'],
])('%s is no provenance', (text, reason) => {
  expect(parseProvenance(text)).toContain(reason);
});
