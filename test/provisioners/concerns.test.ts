import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { PROVISIONERS } from '#contracts/provisioners.ts';
import { CONCERNS, verify } from '../../provisioners/concerns/verify.ts';
import { development, target } from '../fixtures/target-config.ts';

const FOLDER = join(import.meta.dirname, '../../provisioners');
const concerns = [...Object.values(CONCERNS), verify];
const sources = await Promise.all(
  (await readdir(FOLDER, { recursive: true }))
    .filter((name) => name.endsWith('.ts'))
    .map(async (name) => ({ name, text: await readFile(join(FOLDER, name), 'utf8') })),
);

describe('provisioners', () => {
  test('are the ones that a plan names, each under its own name', () => {
    for (const names of Object.values(PROVISIONERS))
      expect(names.map((name) => (name === 'verify' ? verify : CONCERNS[name]).name)).toEqual(names);
    expect(PROVISIONERS.host.filter((name) => name !== 'nvidia')).toEqual(target.provisioners);
    expect(PROVISIONERS.development.filter((name) => name !== 'nvidia')).toEqual(development.provisioners);
  });

  test.each(concerns)('$name has apply and verify', ({ apply, verify: look }) => {
    expect(apply).toBeTypeOf('function');
    expect(look).toBeTypeOf('function');
  });

  test('verify refuses to apply', async () => {
    await expect(verify.apply({} as never)).rejects.toThrow('only looks');
  });
});

/** What a development host has in place of a gate. */
const WITHOUT_GATE = ['lib/docker-at-boot.ts', 'lib/no-gate.ts'];

describe('what goes without a gate', () => {
  test('is called by the development variant alone', () => {
    for (const path of WITHOUT_GATE) {
      const callers = sources.filter(({ text }) => text.includes(`/${path.split('/')[1]}'`)).map(({ name }) => name);
      expect(callers.toSorted()).toEqual(['concerns/development.ts', 'concerns/docker.ts']);
    }
    const text = sources.find(({ name }) => name === 'concerns/docker.ts')?.text ?? '';
    const calls = text.match(/.*\b(takeGateAway|runFromBoot|verifyFromBoot|checkAnswers)\(.*/g) ?? [];
    for (const call of calls) expect(call).toMatch(/isHost \?|^ {4}await (verifyFromBoot|checkAnswers)/);
    expect(calls).toHaveLength(4);
  });

  test('is no part of what a real host is made of', () => {
    expect(target.provisioners).not.toContain('development');
    expect(PROVISIONERS.host).not.toContain('development');
    for (const name of ['ecs-agent', 'host-service', 'imds-block', 'record-versions', 'clean'])
      expect(PROVISIONERS.development).not.toContain(name);
  });
});

describe('no provisioner', () => {
  test('of a real host starts Docker, its socket or the agent, or has a boot start them', () => {
    for (const { name, text } of sources) {
      if (WITHOUT_GATE.includes(name)) continue;
      const starts =
        text.match(/systemctl\s+(?:[a-z-]+\s+)*(start|restart|reload-or-restart|enable --now|enable)\b[^`]*/g) ?? [];
      for (const command of starts)
        expect({ name, command }).not.toMatchObject({
          command: expect.stringMatching(/docker|ecs\.service|ecs\b(?!-host)|--now/),
        });
      expect(name + (/enableUnit\((['"])(docker|ecs\.service)/.exec(text)?.[0] ?? '')).toBe(name);
    }
  });

  test('masks Docker or the agent', () => {
    for (const { name, text } of sources)
      expect({ name, masks: /mask[^\n]*(docker|ecs\.service)/.test(text) }).toEqual({ name, masks: false });
  });

  test('goes around the quoting of zx, or runs a tool but through lib/tool.ts', () => {
    for (const { name, text } of sources) {
      expect({
        name,
        found: /node:child_process|\bexecSync|spawnSync|zx\/globals|from 'zx'/.exec(text)?.[0] ?? null,
      }).toEqual({ name, found: null });
      if (name !== 'lib/tool.ts')
        expect({ name, imports: text.includes("'zx/core'") }).toEqual({ name, imports: false });
      // A value between quotes would be quoted twice.
      expect({
        name,
        found:
          /`[^`\n]*["']\$\{[^}]*\}["'][^`\n]*`/.exec(
            text.replace(/`[^`]*`/g, (part) => (isCommand(text, part) ? part : '')),
          )?.[0] ?? null,
      }).toEqual({
        name,
        found: null,
      });
    }
  });

  test('names a password, a token or an address of somebody', () => {
    for (const { name, text } of sources)
      expect({ name, found: /(password|secret_key|AKIA[A-Z0-9]{16})\s*[:=]\s*['"]/i.exec(text)?.[0] ?? null }).toEqual({
        name,
        found: null,
      });
  });
});

/** Whether a template is a command for a tool. */
function isCommand(text: string, template: string): boolean {
  const at = text.indexOf(template);
  return /(tool|ask|textOf)$/.test(text.slice(Math.max(0, at - 6), at));
}
