import { describe, expect, test } from 'vitest';
import { type Issue, type IssueAction, issueActions } from '../../src/nightly/issue.ts';
import type { Outcome } from '../../src/nightly/night.ts';
import { BAD_IMAGE, NO_ROOM, RELEASED, UNCHANGED } from '../fixtures/night.ts';

const RUN = { url: 'https://github.example/o/r/actions/runs/1', at: '2026-11-27T03:00:00.000Z' };
const LATER = { url: null, at: '2026-11-28T03:00:00.000Z' };

function act(outcome: Outcome, open: readonly Issue[] = [], run: typeof RUN | typeof LATER = RUN): IssueAction {
  const { profile, region } = outcome;
  const [action] = issueActions([{ profile, region, outcome }], open, run);
  if (action === undefined) throw new Error('no action');
  return action;
}

/** The issue that an action opened. */
function opened(action: IssueAction, number = 7): Issue {
  if (action.action !== 'open' && action.action !== 'update') throw new Error(`it is to ${action.action}`);
  return { number, title: action.title, body: action.body };
}

describe('one issue for each profile and region', () => {
  test('a night that fails opens one that says why', () => {
    const action = act(BAD_IMAGE);
    expect(action).toMatchObject({ action: 'open', title: 'Nightly fails: cpu-bookworm in us-east-2' });
    const { body } = opened(action);
    expect(body).toContain('SMOKE_FAILED');
    expect(body).toContain('gate.docker-socket-disabled: expected disabled, found enabled');
    expect(body).toContain(RUN.url);
    expect(body).toContain('The last night failed, the first at 2026-11-27T03:00:00.000Z.');
  });

  test('the next ones that fail write it anew, and count', () => {
    const second = act(BAD_IMAGE, [opened(act(BAD_IMAGE))], LATER);
    expect(second).toMatchObject({ action: 'update', number: 7 });
    const third = act(BAD_IMAGE, [opened(second)], LATER);
    expect(opened(third).body).toContain('The last 3 nights failed, the first at 2026-11-27T03:00:00.000Z.');
    expect(opened(third).body.match(/since=/g)).toHaveLength(1);
  });

  test.each([RELEASED, UNCHANGED])('a good night closes it: $status', (good) => {
    const open = opened(act({ ...BAD_IMAGE, region: good.region }));
    const action = act(good, [open]);
    expect(action).toMatchObject({ action: 'close', number: 7 });
    expect(action).toHaveProperty(
      'body',
      expect.stringContaining(`Good again since ${RUN.at}, with \`${good.imageId}\``),
    );
  });

  test('a good night without one does nothing', () => {
    expect(act(RELEASED)).toEqual({ profile: 'cpu-bookworm', region: 'local', action: 'nothing' });
  });

  test('a night that only planned leaves it open', () => {
    const open = opened(act({ ...BAD_IMAGE, region: RELEASED.region }));
    expect(act({ ...RELEASED, status: 'planned' }, [open])).toMatchObject({ action: 'nothing' });
  });

  test('issues of others, and of other regions, are left alone', () => {
    const others = [
      { number: 1, title: 'Nightly fails: cpu-bookworm in us-east-2', body: 'written by hand' },
      opened(act({ ...BAD_IMAGE, region: 'us-east-1' }), 2),
      opened(act({ ...BAD_IMAGE, region: 'us-east-22' }), 3),
    ];
    expect(act(BAD_IMAGE, others)).toMatchObject({ action: 'open' });
  });

  test('a title that was edited is found all the same, and of two the older one counts', () => {
    const open = opened(act(BAD_IMAGE));
    const edited = { ...open, title: 'bad images' };
    expect(act(BAD_IMAGE, [{ ...edited, number: 9 }, edited])).toMatchObject({ action: 'update', number: 7 });
  });

  test('a job that left no report is a night that failed', () => {
    const told = [{ profile: 'p', region: 'r', outcome: null }];
    const [action] = issueActions(told, [], RUN);
    expect(action).toMatchObject({ action: 'open', body: expect.stringContaining('ended without a summary') });
  });

  test('a long story is cut, and its marker is not', () => {
    const failure = NO_ROOM.failure && {
      ...NO_ROOM.failure,
      details: Array.from({ length: 20 }, () => 'x'.repeat(490)),
    };
    const tried = Array.from({ length: 500 }, () => NO_ROOM.tried).flat();
    const { body } = opened(act({ ...NO_ROOM, failure, tried }));
    expect(body.length).toBeLessThan(65_536);
    expect(act(NO_ROOM, [{ number: 3, title: '', body }])).toMatchObject({ action: 'update', number: 3 });
  });
});
