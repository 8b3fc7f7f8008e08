import { expect, test } from 'vitest';
import { nextStep, nextTurn, type Seen, type Step } from '../../src/release/next-step.ts';
import { TAG } from '../../src/run/tags.ts';

const PASSED = { [TAG.verdict]: 'passed' };

function seen(state: string, tags: Readonly<Record<string, string>>, more: Partial<Seen> = {}): Seen {
  const image = { imageId: 'ami-1', imageName: 'n', state, reason: '', tags, snapshotIds: [] };
  return { image, isSettled: true, pointer: null, ...more };
}
const NONE: Seen = { image: null, isSettled: false, pointer: null };

test.each<[string, Seen, Step, Step]>([
  ['nothing', NONE, 'copy', 'lost'],
  ['a copy that is made', seen('pending', { [TAG.release]: 'x' }), 'wait', 'wait'],
  ['a copy that failed', seen('failed', { [TAG.release]: 'x' }), 'remove', 'lost'],
  ['a copy that somebody disabled', seen('disabled', PASSED), 'refused', 'lost'],
  ['a copy that is going', seen('deregistered', PASSED), 'copy', 'lost'],
  ['a copy that nobody has looked at', seen('available', { [TAG.release]: 'x' }), 'check', 'prove'],
  ['no verdict', seen('available', { [TAG.verdict]: 'not-run' }), 'prove', 'prove'],
  ['a bad verdict', seen('available', { [TAG.verdict]: 'failed' }), 'prove', 'prove'],
  ['no shares yet', seen('available', PASSED, { isSettled: false }), 'share', 'share'],
  ['another pointer', seen('available', PASSED, { pointer: 'ami-0' }), 'publish', 'publish'],
  ['its pointer', seen('available', PASSED, { pointer: 'ami-1' }), 'done', 'done'],
  [
    'that it was withdrawn',
    seen('available', { ...PASSED, [TAG.withdrawn]: 'now' }, { pointer: 'ami-1' }),
    'refused',
    'refused',
  ],
  ['a layer', seen('available', { ...PASSED, [TAG.layer]: 'd' }), 'refused', 'refused'],
])('a region that shows %s', (_what, shown, copy, source) => {
  expect([nextStep(shown, false), nextStep(shown, true)]).toEqual([copy, source]);
});

test.each<[string, Step[], ReturnType<typeof nextTurn>]>([
  ['the image is proven before it is copied', ['prove', 'copy', 'copy'], { kind: 'work', regions: [0] }],
  ['copies go side by side', ['share', 'copy', 'check', 'publish'], { kind: 'work', regions: [0, 1, 2] }],
  ['no pointer moves before all can', ['publish', 'prove'], { kind: 'work', regions: [1] }],
  ['a refused copy is told, and keeps all pointers', ['publish', 'refused'], { kind: 'work', regions: [1] }],
  ['then all move that have to', ['done', 'publish', 'publish'], { kind: 'publish', regions: [1, 2] }],
  ['and that is all', ['done', 'done'], { kind: 'done', regions: [] }],
  ['of no region nothing can be said', [], { kind: 'work', regions: [0] }],
])('%s', (_what, steps, turn) => {
  expect(nextTurn(steps)).toEqual(turn);
});
