import { describe, expect, test } from 'vitest';
import type { ProvisionEvent } from '#contracts/provision-event.ts';
import type { Stage } from '../../provisioners/lib/context.ts';
import { tool } from '../../provisioners/lib/tool.ts';
import { createContext } from '../../provisioners/run-concern.ts';
import { target } from '../fixtures/target-config.ts';

function recorder(stage: Stage = 'bake') {
  const events: ProvisionEvent[] = [];
  const complaints: string[] = [];
  const { context, failed } = createContext({
    provisioner: 'docker',
    target,
    stage,
    emit: (event) => events.push(event),
    complain: (text) => complaints.push(text),
  });
  return { context, failed, events, complaints };
}

describe('step', () => {
  test('says when it begins and how it ended', async () => {
    const { context, events } = recorder();
    await context.step('install', {}, async () => {});
    expect(events).toEqual([
      { type: 'step-start', provisioner: 'docker', step: 'install' },
      {
        type: 'step-end',
        provisioner: 'docker',
        step: 'install',
        durationMs: expect.any(Number),
        endedAt: expect.any(Number),
        outcome: 'changed',
      },
    ]);
  });

  test('does nothing that is done already', async () => {
    const { context, events } = recorder();
    let worked = false;
    await context.step('install', { doneWhen: async () => true }, async () => {
      worked = true;
    });
    expect(worked).toBe(false);
    expect(events.at(-1)).toMatchObject({ outcome: 'unchanged' });
  });

  test('takes false for "changed nothing"', async () => {
    const { context, events } = recorder();
    await context.step('configure', {}, async () => false);
    expect(events.at(-1)).toMatchObject({ outcome: 'unchanged' });
  });

  test('shows reason, command and output of a tool that failed, and only then', async () => {
    const { context, events, complaints } = recorder();
    await context.step('quiet', {}, () => tool`echo much to say`);
    expect(complaints).toEqual([]);
    const failing = context.step(
      'loud',
      {},
      () => tool`sh -c ${'echo reading; echo "E: no such package" >&2; exit 100'}`,
    );
    await expect(failing).rejects.toThrow('E: no such package');
    const end = events.at(-1);
    expect(end).toMatchObject({ type: 'step-end', outcome: 'failed', error: expect.stringContaining('exit code 100') });
    expect(end?.type === 'step-end' && end.error).not.toContain('\n');
    expect(complaints.join('')).toMatch(/command: sh -c[\s\S]*reading[\s\S]*E: no such package/);
  });

  test('ends in one line for an error that is no tool', async () => {
    const { context, events } = recorder();
    await expect(
      context.step('decide', {}, async () => {
        throw new Error('first line\nsecond line');
      }),
    ).rejects.toThrow('first line');
    expect(events.at(-1)).toMatchObject({ error: 'first line' });
  });
});

describe('checks', () => {
  test('count when incorrect or missing, and not when skipped', async () => {
    const { context, failed, events } = recorder();
    context.check({ id: 'a.right', title: 'A', expected: '1', actual: '1', isCorrect: true });
    context.check({ id: 'a.wrong', title: 'A', expected: '1', actual: '2', isCorrect: false });
    context.skip({ id: 'a.elsewhere', title: 'A', expected: '1' }, 'not here');
    await context.look({ id: 'a.broken', title: 'A', expected: '1' }, async () => {
      throw new Error('there is no such file');
    });
    expect(failed().map(({ id }) => id)).toEqual(['a.wrong', 'a.broken']);
    expect(events.map((event) => event.type === 'check' && event.check.verdict)).toEqual([
      'correct',
      'incorrect',
      'skipped',
      'missing',
    ]);
    expect(events.at(-1)).toMatchObject({ check: { reason: 'there is no such file' } });
  });

  test('are events without anything beyond the contract', () => {
    const { context, events } = recorder();
    context.check({ id: 'a.right', title: 'A', expected: '1', actual: '1', isCorrect: true });
    expect(JSON.parse(JSON.stringify(events[0]))).toEqual({
      type: 'check',
      provisioner: 'docker',
      check: { id: 'a.right', title: 'A', expected: '1', actual: '1', verdict: 'correct' },
    });
  });
});
