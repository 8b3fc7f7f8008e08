import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { heldUntil, holdRefreshes, type Snap } from '../../../provisioners/lib/snap.ts';

const SNAP = join(import.meta.dirname, '../../../lab/base-image/ubuntu/rootfs/usr/bin/snap');
/** Where it keeps what it was told is elsewhere here. */
const RUN = `
import sys
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
sys.dont_write_bytecode = True
loader = SourceFileLoader("snap", sys.argv[1])
module = module_from_spec(spec_from_loader("snap", loader))
loader.exec_module(module)
module.STATE = Path(sys.argv[2]) / "state.json"
sys.argv = ["snap", *sys.argv[3:]]
module.main()
`;

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'snap-'));
});
afterAll(() => rm(folder, { recursive: true }));

async function call(...args: string[]) {
  const { exitCode, stdout, stderr } = await execa('python3', ['-c', RUN, SNAP, folder, ...args], { reject: false });
  return { exitCode: exitCode ?? null, stdout, stderr };
}

describe("the lab's stand-in for snap", () => {
  test('holds refreshes when a provisioner asks for it, once', async () => {
    const snap: Snap = (args) => call(...args);
    expect(await heldUntil(snap, 0)).toBe('not held');
    expect(await holdRefreshes(snap, 0)).toBe(true);
    expect(await heldUntil(snap, 0)).toBe('forever');
    expect(await holdRefreshes(snap, 0)).toBe(false);
  });

  test('says what it is, and knows the snap of the agent', async () => {
    expect((await call('version')).stdout).toMatch(/^snapd\s+2\.\d+/m);
    expect((await call('version')).stdout).toContain("the lab's stand-in");
    expect((await call('list')).stdout).toContain('amazon-ssm-agent');
  });

  test('takes a hold that ends, as older ones want it', async () => {
    expect(await call('set', 'system', 'refresh.hold=2027-01-01T00:00:00Z')).toMatchObject({ exitCode: 0 });
    expect((await call('get', 'system', 'refresh.hold')).stdout).toBe('2027-01-01T00:00:00Z');
  });

  test.each(['install hello', 'refresh', 'set system proxy.http=x', ''])(
    'refuses what it was not taught: snap %s',
    async (words) => {
      const { exitCode, stderr } = await call(...words.split(' ').filter((word) => word !== ''));
      expect(exitCode).toBe(1);
      expect(stderr).toContain('was not taught');
    },
  );
});
