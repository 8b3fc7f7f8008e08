import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { bringNode, fetchNode } from '../../src/audit/interpreter.ts';
import type { Ssh } from '../../src/host-access/ssh.ts';
import type { Transport } from '../../src/plan/build-plan.ts';
import { fakeSsh } from '../smoke/fake-ssh.ts';
import { tempFolder } from '../support/temp-folder.ts';

const NODE = { version: '24.0.1', sha256: 'a'.repeat(64) };
const TO = '/tmp/there/node';

/** What an instance is told to do, where the vendor's site is within its reach or not. */
async function asked(transport: Transport, reachesSite: boolean): Promise<readonly string[]> {
  const nodeFile = join(tempFolder(), 'node.gz');
  await writeFile(nodeFile, 'a small one\n');
  const ran: string[] = [];
  const ssh: Ssh = {
    ...fakeSsh([]),
    target: { ...fakeSsh([]).target, transport },
    run: async (command) => {
      ran.push(command);
      return { exitCode: command.startsWith('curl') && !reachesSite ? 1 : 0, stdout: '', stderr: '', durationMs: 1 };
    },
  };
  await bringNode(ssh, { program: '', nodeFile, node: NODE }, TO, (over, command, options) =>
    over.run(command, options),
  );
  return ran;
}

test('over Session Manager an instance fetches Node itself, and gets it where it cannot', async () => {
  expect(await asked('session-manager', true)).toEqual([fetchNode(NODE, TO)]);
  expect(await asked('session-manager', false)).toEqual([fetchNode(NODE, TO), `gunzip >${TO}`]);
});

test('over ssh it is carried, and nobody else is asked', async () => {
  expect(await asked('ssh', true)).toEqual([`gunzip >${TO}`]);
});
