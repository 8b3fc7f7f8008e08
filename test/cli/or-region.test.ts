import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { inRegions } from '../../src/cli/or-region.ts';
import type { Session } from '../../src/cli/session.ts';
import { userError } from '../../src/io/errors.ts';
import { projectFolder } from '../../src/io/paths.ts';
import type { Message } from '../../src/io/reporter.ts';
import { NoCapacity, type Tried } from '../../src/plan/fallback.ts';

const config = join(projectFolder(), 'hosts.yaml');
function tried(region: string): Tried {
  return { region, instanceType: 'g5', zone: `${region}a`, subnetId: 's', code: 'VcpuLimitExceeded', why: 'quota' };
}

/** @param full regions without room */
async function baking(argv: Record<string, unknown>, full: readonly string[]) {
  const messages: Message[] = [];
  const session = { reporter: { emit: (message: Message) => messages.push(message) } } as unknown as Session;
  const outcome = await inRegions(session, { config, ...argv }, async ({ region }, before) => {
    const here = String(region);
    if (full.includes(here)) throw new NoCapacity(here, [tried(here)], undefined);
    return { here, before: before.map((each) => each.region) };
  }).catch((error: unknown) => error);
  return { outcome, messages };
}

describe('--or-region', () => {
  const both = { region: 'us-east-2', orRegion: ['us-east-1'] };

  test('is taken when the region before it has no room, and knows what was tried there', async () => {
    expect((await baking(both, [])).outcome).toEqual({ here: 'us-east-2', before: [] });
    const { outcome, messages } = await baking(both, ['us-east-2']);
    expect(outcome).toEqual({ here: 'us-east-1', before: ['us-east-2'] });
    expect(messages).toMatchObject([{ type: 'note', code: 'REGION_LEFT' }]);
  });

  test('with no room anywhere names all that was tried', async () => {
    const { outcome } = await baking(both, ['us-east-1', 'us-east-2']);
    expect(outcome).toMatchObject({
      message: 'No zone of us-east-2 or us-east-1 has room for an instance of the plan.',
      details: [{ where: 'g5 in us-east-2a' }, { where: 'g5 in us-east-1a' }],
    });
  });

  test.each([
    ['a quota that is full', userError('PREFLIGHT_FAILED', 'x', 'y', [{ key: 'vCPU quota', reason: '0 vCPU' }]), true],
    ['a type that is not offered', userError('PLACEMENT_NONE', 'no subnet', 'y'), true],
    [
      'a quota, and a group that is missing',
      userError('PREFLIGHT_FAILED', 'x', 'y', [
        { key: 'vCPU quota', reason: '0 vCPU' },
        { key: 'security group', reason: 'none' },
      ]),
      false,
    ],
    ['another mistake', userError('IMAGE_NOT_FOUND', 'x', 'y'), false],
  ])('%s before anything was launched', async (_, error, goesOn) => {
    const session = { reporter: { emit: () => undefined } } as unknown as Session;
    const turn = async ({ region }: Readonly<Record<string, unknown>>, before: readonly Tried[]) => {
      if (region === 'us-east-2') throw error;
      return before.map(({ region: left, why }) => [left, why]);
    };
    const going = inRegions(session, { config, ...both }, turn);
    if (goesOn) expect(await going).toEqual([['us-east-2', expect.stringMatching(/0 vCPU|no subnet/)]]);
    else await expect(going).rejects.toBe(error);
  });

  test('that hosts.yaml does not have is refused before the first is asked', async () => {
    const { outcome } = await baking({ ...both, orRegion: ['us-east3'] }, []);
    expect(outcome).toMatchObject({ code: 'REGION_UNKNOWN', hint: expect.stringContaining('us-east-') });
  });

  test('without it no region is tried but the one that was named', async () => {
    expect((await baking({ region: 'us-east-2' }, ['us-east-2'])).outcome).toMatchObject({ code: 'NO_CAPACITY' });
  });
});
