import { execFileSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import { shellQuote } from '../../src/io/shell-quote.ts';
import { CheckBook } from '../../src/smoke/checks/check-book.ts';
import { CHECKS } from '../../src/smoke/checks/check-definitions.ts';
import { buildWorkload, runWorkload } from '../../src/smoke/checks/workload-checks.ts';
import { workload } from '../fixtures/workload.ts';
import { fakeSsh } from './fake-ssh.ts';

const span = { id: 's1', progress: () => {}, check: () => {}, child: () => ({ progress: () => {}, end: () => {} }) };
function book() {
  return new CheckBook({
    definitions: CHECKS,
    selected: new Set(['workload']),
    signal: new AbortController().signal,
    onCheck: () => {},
  });
}
function find(b: ReturnType<typeof book>, id: string) {
  return b.finish().find((check) => check.id === id);
}

test.each(["it's", 'a b', '$(id)', '`id`', '"', '\\', ''])('shellQuote gives %j to the program unchanged', (text) => {
  expect(execFileSync('sh', ['-c', `printf %s ${shellQuote(text)}`]).toString()).toBe(text);
});

describe('the scripts of the repository', () => {
  test('run in the repository with the configured registry, and stop at the first that fails', async () => {
    const asked: string[] = [];
    const b = book();
    const ssh = fakeSsh([[/build_protocol/, { exitCode: 2, stderr: 'cc: error: x264.h\n' }]], asked);
    await expect(buildWorkload(ssh, workload, b, span)).rejects.toThrow('exit code 2');
    expect(asked).toEqual(["cd container-images && BASE_IMAGE_REGISTRY='192.0.2.1:5000/ecs-host' ./build_protocol.sh"]);
    expect(find(b, 'workload.build-protocol')).toMatchObject({ verdict: 'incorrect', reason: 'cc: error: x264.h' });
  });

  const instance = (asked: string[], running: string) =>
    fakeSsh(
      [
        [/run_container_image/, { stdout: 'key: /run/key\n' }],
        [/^docker ps/, { stdout: running }],
        [/record/, { stdout: '{"n":1,"id":"aa"}\n{"n":2,"id":"bb"}\n' }],
        [/^od /, { stdout: ' 00 ff\n 10\n' }],
      ],
      asked,
    );

  test('the key is read over ssh and is in no command', async () => {
    const asked: string[] = [];
    const b = book();
    expect([...(await runWorkload(instance(asked, 'bb\n'), workload, b, span))]).toEqual([0, 255, 16]);
    expect(asked.at(-1)).toBe("od -An -v -tx1 '/run/key'");
    expect(find(b, 'workload.run')).toMatchObject({ verdict: 'correct' });
  });

  test.each([
    ['bb\n', 'all on the record', 'correct'],
    ['bb\ncc\n', '1 of 2 are not', 'incorrect'],
    ['', '0 of 0 are not', 'incorrect'],
  ])('containers that run (%j) have to be on the record', async (running, actual, verdict) => {
    const b = book();
    await runWorkload(instance([], running), workload, b, span);
    expect(find(b, 'workload.witnessed')).toMatchObject({ actual, verdict });
  });
});
