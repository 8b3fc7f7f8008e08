import { describe, expect, test } from 'vitest';
import type { BuildPlan } from '../../src/plan/build-plan.ts';
import { CheckBook } from '../../src/smoke/checks/check-book.ts';
import { CHECKS } from '../../src/smoke/checks/check-definitions.ts';
import { checkContainerMetadata } from '../../src/smoke/checks/container-checks.ts';
import { fakeSsh } from './fake-ssh.ts';

const plan = {
  developerWorkload: { app: 'base' },
  target: { nvidia: { driverVersion: '580.178.04' } },
} as unknown as BuildPlan;
function open() {
  return new CheckBook({
    definitions: CHECKS,
    selected: new Set(['workload']),
    signal: new AbortController().signal,
    onCheck: () => {},
  });
}
function verdict(book: ReturnType<typeof open>, id: string) {
  return book.finish().find((check) => check.id === id)?.verdict;
}

describe('metadata from containers', () => {
  test('is blocked on both kinds of bridge, and the own bridge is removed again', async () => {
    const book = open();
    const asked: string[] = [];
    await checkContainerMetadata(fakeSsh([[/^docker (network|run)/, {}]], asked), plan, book);
    expect(verdict(book, 'imds.docker0-blocked')).toBe('correct');
    expect(verdict(book, 'imds.user-bridge-blocked')).toBe('correct');
    expect(asked.at(-1)).toBe('docker network rm ecs-host-smoke');
  });

  test('that is reached on one of them is incorrect there', async () => {
    const book = open();
    const ssh = fakeSsh([
      [/--network ecs-host-smoke/, { stdout: 'REACHED\n' }],
      [/^docker/, {}],
    ]);
    await checkContainerMetadata(ssh, plan, book);
    expect(verdict(book, 'imds.docker0-blocked')).toBe('correct');
    expect(verdict(book, 'imds.user-bridge-blocked')).toBe('incorrect');
  });

  test('is not taken for blocked when the container never ran', async () => {
    const book = open();
    const ssh = fakeSsh([
      [/^docker run/, { exitCode: 125, stderr: 'no such image' }],
      [/^docker/, {}],
    ]);
    await expect(checkContainerMetadata(ssh, plan, book)).rejects.toThrow('no such image');
    expect(verdict(book, 'imds.docker0-blocked')).toBe('missing');
  });
});
