import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { keepEvidence } from '../../src/smoke/evidence.ts';
import { apiError, fakeClients } from '../run/fake-clients.ts';
import { tempFolder } from '../support/temp-folder.ts';

const OF_NOW = { Output: Buffer.from('of now').toString('base64') };
const OF_THE_BOOT = { Output: Buffer.from('of the boot').toString('base64') };

test('the console of now is kept, and where a type has none that of its boot', async () => {
  const { clients } = fakeClients({
    GetConsoleOutput: ({ InstanceId, Latest }) => {
      if (Latest !== true) return OF_THE_BOOT;
      if (InstanceId === 'i-xen') throw apiError('UnsupportedOperation');
      return OF_NOW;
    },
  });
  const looked = ['i-nitro', 'i-xen'].map((instanceId) => ({ instanceId, ssh: null }));
  const files = await keepEvidence(clients, looked, tempFolder());
  expect(await Promise.all(files.map((file) => readFile(file, 'utf8')))).toEqual(['of now', 'of the boot']);
});
