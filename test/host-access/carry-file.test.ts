import { randomBytes } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { execa } from 'execa';
import { beforeEach, describe, expect, test } from 'vitest';
import { CARRYING_SESSIONS, type Carried, carryFile, type Must } from '../../src/host-access/carry-file.ts';
import type { Ssh } from '../../src/host-access/ssh.ts';
import type { Transport } from '../../src/plan/build-plan.ts';
import { fakeSsh } from '../smoke/fake-ssh.ts';
import { tempFolder } from '../support/temp-folder.ts';

/** Pieces of 2 MiB, one more than there are sessions: random bytes stay as many. */
const CONTENT = randomBytes((2 * CARRYING_SESSIONS + 0.5) * 1024 * 1024);
/** Numbers of the sessions beside the first. */
const OTHERS = Array.from({ length: CARRYING_SESSIONS - 1 }, (_, at) => at + 1);

let file: string;
let to: string;
/** Connections by their number, 0 is the first: what was run over each, and which ended. */
let ran: string[][];
let ended: number[];

/** An instance that is this machine's shell. */
function instance(transport: Transport, another: () => Promise<void> = async () => {}): Ssh {
  const connection = (number: number): Ssh => ({
    ...fakeSsh([]),
    target: { ...fakeSsh([]).target, transport },
    run: async (command, { inputFile, inputPart } = {}) => {
      ran[number]?.push(command);
      const stream =
        inputPart === undefined
          ? createReadStream(inputFile ?? '/dev/null')
          : createReadStream(inputPart.path, { start: inputPart.start, end: inputPart.end - 1 });
      const { exitCode = 1 } = await execa('sh', ['-c', command], { input: stream, reject: false });
      return { exitCode, stdout: '', stderr: '', durationMs: 1 };
    },
    another: async () => {
      await another();
      return connection(ran.push([]) - 1);
    },
    [Symbol.asyncDispose]: async () => void ended.push(number),
  });
  ran = [[]];
  return connection(0);
}

const must: Must = async (ssh, command, options) => {
  const { exitCode } = await ssh.run(command, options);
  if (exitCode !== 0) throw new Error(`exit code ${exitCode}: ${command}`);
};

function carried(): Carried {
  return { file, command: `gunzip >${to}`, pieces: `${to}.gz` };
}

beforeEach(async () => {
  const folder = tempFolder();
  file = join(folder, 'node.gz');
  to = join(folder, 'there');
  ended = [];
  await writeFile(file, gzipSync(CONTENT));
});

async function expectArrived(): Promise<void> {
  expect((await readFile(to)).equals(CONTENT)).toBe(true);
  expect((await readdir(join(to, '..'))).sort()).toEqual(['node.gz', 'there']);
}

test('over ssh it goes in one piece', async () => {
  await carryFile(instance('ssh'), carried(), must);
  await expectArrived();
  expect(ran).toHaveLength(1);
});

describe('through Session Manager', () => {
  test('what is small goes in one piece', async () => {
    await writeFile(file, gzipSync('small'));
    await carryFile(instance('session-manager'), carried(), must);
    expect(await readFile(to, 'utf8')).toBe('small');
    expect(ran).toEqual([[`gunzip >${to}`]]);
  });

  test('it goes in pieces over several sessions, which end', async () => {
    await carryFile(instance('session-manager'), carried(), must);
    await expectArrived();
    expect(ran).toHaveLength(CARRYING_SESSIONS);
    expect(ended.sort()).toEqual(OTHERS);
    expect(ran.filter((commands) => commands.length > 0).length).toBeGreaterThan(1);
  });

  test('sessions that cannot be had leave it to the one that is there', async () => {
    const refuses = async (): Promise<void> => {
      throw new Error('the account has too many');
    };
    await carryFile(instance('session-manager', refuses), carried(), must);
    await expectArrived();
    expect(ran).toHaveLength(1);
  });

  test('a piece that does not arrive is an error, after the others have ended', async () => {
    const ssh = instance('session-manager');
    const failing: Must = async (over, command, options) => {
      if (command.endsWith('.2')) throw new Error('the disk is full');
      await must(over, command, options);
    };
    await expect(carryFile(ssh, carried(), failing)).rejects.toThrow('the disk is full');
    expect(ended.sort()).toEqual(OTHERS);
    expect(ran.flat().some((command) => command.startsWith('cat ') && command.includes('gunzip'))).toBe(false);
  });
});
