import { describe, expect, test } from 'vitest';
import { judge, type Sample, type WalkEvent } from '../../bench/walk-judge.ts';
import { compare } from '../e2e/start-storm.ts';

/**
 * Whoever judges the storm and the walk has to find what is wrong: a judge that is content with everything proves
 * nothing.
 */

const ID = 'a'.repeat(12);
const FULL = 'a'.repeat(64);
function recorded(n: number, startedCs: number, id = FULL) {
  return { n, id, startedCs, pid: n, takenCs: startedCs };
}
const NOTHING = { counted: [], record: [], unsure: [], policy: new Set<string>(), killsCs: [] };

describe('the storm', () => {
  test('is content when each start is on the record before it ran', () => {
    const counted = [
      { id: ID, atCs: 101 },
      { id: ID, atCs: 205 },
    ];
    const record = [recorded(1, 100), recorded(2, 200)];
    expect(compare({ ...NOTHING, counted, record })).toMatchObject({ missed: 0, twice: 0, unexplained: 0, wrong: [] });
  });

  test('finds a start that is not on the record, or too late', () => {
    const counted = [{ id: ID, atCs: 101 }];
    expect(compare({ ...NOTHING, counted })).toMatchObject({ missed: 1, wrong: [expect.any(String)] });
    expect(compare({ ...NOTHING, counted, record: [recorded(1, 102)] })).toMatchObject({ missed: 1 });
  });

  test('finds what is there twice, and a number that is left out', () => {
    const counted = [{ id: ID, atCs: 101 }];
    const same = { ...recorded(2, 100), pid: 1 };
    expect(compare({ ...NOTHING, counted, record: [recorded(1, 100), same] })).toMatchObject({
      twice: 1,
      unexplained: 1,
    });
    expect(compare({ ...NOTHING, record: [recorded(1, 100, 'b'), recorded(3, 100, 'c')] })).toMatchObject({ twice: 1 });
  });

  test('takes a line without a start only for an unconfirmed attempt, or a restart policy near a kill', () => {
    const record = [recorded(1, 100)];
    expect(compare({ ...NOTHING, record })).toMatchObject({ unexplained: 1 });
    expect(compare({ ...NOTHING, record, unsure: [ID] })).toMatchObject({ unexplained: 0 });
    expect(compare({ ...NOTHING, record, policy: new Set([ID]) })).toMatchObject({ unexplained: 1 });
    expect(compare({ ...NOTHING, record, policy: new Set([ID]), killsCs: [110] })).toMatchObject({ unexplained: 0 });
  });
});

describe('the walk', () => {
  const open = (cs: number, change: Partial<Sample> = {}): Sample => ({
    cs,
    gate: true,
    agentGate: true,
    agent: true,
    pid: 7,
    ...change,
  });
  const grant: WalkEvent = { cs: 100, kind: 'grant', what: 'grant' };
  const at = (kind: WalkEvent['kind'], cs: number): WalkEvent => ({ cs, kind, what: kind });

  test('is content with a gate that is open after a grant, and for a lease after its end', () => {
    expect(judge([open(101), open(5000)], [], [grant])).toEqual([]);
    expect(judge([open(101), open(500)], [{ id: ID, atCs: 500 }], [grant, at('end', 250)])).toEqual([]);
  });

  test('finds a gate that is open without a grant, after the end of one, and of another life', () => {
    const alone = { agentGate: false };
    expect(judge([open(99)], [], [grant])).toHaveLength(2);
    expect(judge([open(101), open(600, alone)], [], [grant, at('end', 250)])).toHaveLength(1);
    expect(judge([open(101), open(200, { pid: 8 }), open(501, { ...alone, pid: 8 })], [], [grant])).toHaveLength(1);
    expect(judge([open(600)], [], [grant, at('end', 250), { ...grant, cs: 590 }])).toEqual([]);
  });

  test('finds a gate that a stopped service keeps', () => {
    expect(judge([open(600)], [], [grant, at('frozen', 250)])).toHaveLength(2);
    expect(judge([open(600)], [], [grant, at('frozen', 250), at('thawed', 590)])).toEqual([]);
  });

  test('lets the agent of a host that leaves tell ECS, for a while', () => {
    const leaving = [grant, at('leave', 250)];
    expect(judge([open(101), open(1000, { gate: false })], [], leaving)).toEqual([]);
    expect(judge([open(101), open(1000)], [], leaving)).toHaveLength(1);
    expect(judge([open(101), open(4300, { gate: false })], [], leaving)).toHaveLength(1);
  });

  test('finds a container and an agent that run behind a shut gate', () => {
    expect(judge([], [{ id: ID, atCs: 600 }], [grant, at('end', 250)])).toHaveLength(1);
    const shut = { gate: false, agentGate: false };
    expect(judge([open(101), open(700, shut)], [], [grant])).toEqual([]);
    expect(judge([open(101), open(702, shut)], [], [grant])).toHaveLength(1);
  });

  test('lets an agent start between the two looks of one sample, and no longer', () => {
    const shut = { gate: false, agentGate: false };
    const isNew = [open(101), open(900, { ...shut, agent: false }), open(1000, shut)];
    expect(judge(isNew, [], [grant])).toEqual([]);
    expect(judge([...isNew, open(1010, shut)], [], [grant])).toHaveLength(1);
  });
});
