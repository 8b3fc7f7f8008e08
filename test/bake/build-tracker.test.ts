import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import type { Check } from '#contracts/check.ts';
import { type BuildOutcome, BuildTracker } from '../../src/bake/build-tracker.ts';
import { bakeFailure } from '../../src/bake/failure.ts';
import { createMachineReadableParser } from '../../src/bake/machine-readable.ts';
import { phaseOf } from '../../src/bake/phases.ts';

/** Recorded from packer 1.12.0 with its amazon plugin 1.3.4 against moto, with an sshd standing in for the instance. */
function replay(name: string, outcome: 'ok' | 'failed'): { result: BuildOutcome; told: string[]; checks: Check[] } {
  const told: string[] = [];
  const checks: Check[] = [];
  let clock = 0;
  const tracker = new BuildTracker(
    {
      progress: (text) => told.push(`- ${text}`),
      check: (check) => checks.push(check),
      child: (title) => {
        told.push(`> ${title}`);
        return {
          progress: (text) => told.push(`${title} | ${text}`),
          end: (how) => told.push(`< ${title} ${how}`),
        };
      },
    },
    () => {
      clock += 10;
      return clock;
    },
  );
  const parser = createMachineReadableParser();
  const bytes = readFileSync(new URL(`recorded/${name}.txt`, import.meta.url));
  for (const line of [...parser.push(bytes), ...parser.end()]) tracker.take(line);
  return { result: tracker.finish(outcome), told, checks };
}

function spansOf(told: string[]): string[] {
  return told.filter((line) => /^[<>] /.test(line));
}

describe('a successful build', () => {
  const { result, told, checks } = replay('success', 'ok');

  test('opens and shuts a span for each phase and provisioner, in order', () => {
    expect(spansOf(told)).toEqual([
      '> check names and network',
      '< check names and network ok',
      '> create key pair and security group',
      '< create key pair and security group ok',
      '> launch build instance',
      '< launch build instance ok',
      '> wait for ssh',
      '< wait for ssh ok',
      '> provision',
      '> provision: base',
      '< provision: base ok',
      '> provision: record-versions',
      '< provision: record-versions ok',
      '> provision: verify',
      '< provision: verify ok',
      '< provision ok',
      '> stop build instance',
      '< stop build instance ok',
      '> create image',
      '< create image ok',
      '> tag image',
      '< tag image ok',
      '> clean up',
      '< clean up ok',
    ]);
  });

  test('shows the steps of a provisioner as progress, with what the tools say in between', () => {
    expect(told).toContain('provision: base | install packages ...');
    expect(told).toContain(
      'provision: base | install packages: Get:1 http://mirror/debian bookworm InRelease [151 kB], and a comma',
    );
    expect(told).toContain('provision: base | install packages 300 ms');
  });

  test('extracts image, versions and checks', () => {
    expect(result.imageId).toBe('ami-971aa62711eba1ce1');
    expect(result.versions).toEqual({ docker: '20.10.24+dfsg1-1', node: '24.21.0' });
    expect(result.checks).toEqual(checks);
    expect(checks.map((check) => check.id)).toEqual(['clean.no-ssh-keys']);
    expect(result.failedStep).toBeNull();
    expect(result.spans).toContainEqual({
      name: 'base: install packages',
      stage: 'bake',
      durationMs: 300,
      outcome: 'ok',
    });
  });
});

describe('a failed provisioner', () => {
  const { result, told } = replay('provisioner-failed', 'failed');

  test('names provisioner, step and error, although its JSON holds an escaped line end', () => {
    expect(result.failedStep).toEqual({
      provisioner: 'base',
      step: 'install packages',
      error: 'apt-get: exit 100\nE: Unable to locate package nosuch',
    });
    expect(spansOf(told)).toContain('< provision failed');
    expect(spansOf(told)).toContain('< provision: base failed');
  });

  test('becomes an outside error with one reason', () => {
    const error = bakeFailure(result, { exitCode: 1, signal: null }, '/run/packer-output.txt');
    expect(error).toMatchObject({
      kind: 'outside',
      code: 'PROVISIONER_FAILED',
      message: 'Provisioner "base" failed at "install packages": apt-get: exit 100',
    });
    expect(error.output).toContain('E: Unable to locate package nosuch');
  });
});

test('an interrupted build ends in clean-up and has no image', () => {
  const { result, told } = replay('interrupted', 'failed');
  expect(result.imageId).toBeNull();
  expect(spansOf(told).slice(-3)).toEqual(['< provision failed', '> clean up', '< clean up failed']);
});

describe('bakeFailure', () => {
  const empty: BuildOutcome = {
    imageId: null,
    versions: {},
    checks: [],
    spans: [],
    steps: [],
    packages: {},
    failedStep: null,
    failedChecks: [],
    errors: [],
    tail: ['last words'],
  };

  test('a signal comes first', () => {
    expect(bakeFailure(empty, { exitCode: null, signal: 'SIGKILL' }, 'log')).toMatchObject({
      code: 'PACKER_KILLED',
      message: 'Packer was killed (SIGKILL) before it was done.',
    });
  });

  test('a failed verify names its checks', () => {
    const check: Check = {
      id: 'clean.no-ssh-keys',
      title: 't',
      expected: 'none',
      actual: '/root/.ssh/id',
      verdict: 'incorrect',
    };
    expect(bakeFailure({ ...empty, failedChecks: [check] }, { exitCode: 1, signal: null }, 'log').message).toBe(
      'The image did not pass its own verify: clean.no-ssh-keys (expected none, found /root/.ssh/id).',
    );
  });

  test("else Packer's own error line, and at worst the exit code", () => {
    const said = bakeFailure(
      { ...empty, errors: ['Error launching: no capacity\ntrace'] },
      { exitCode: 1, signal: null },
      'log',
    );
    expect(said.message).toBe('Packer failed: Error launching: no capacity');
    expect(bakeFailure(empty, { exitCode: 2, signal: null }, 'log').message).toBe('Packer failed: exit code 2');
  });
});

test.each([
  ['==> amazon-ebs.host: Creating AMI tags', 'tag image'],
  ['==> amazon-ebs.host: Creating AMI g3s from instance i-1', 'create image'],
  ['==> amazon-ebs.host: Waiting for SSH to become available...', 'wait for ssh'],
  ['Cancelling build after receiving interrupt', 'clean up'],
  ['==> amazon-ebs.host: Something new', null],
])('%s opens %s', (text, phase) => {
  expect(phaseOf(text)).toBe(phase);
});
