import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { PROVISIONERS } from '#contracts/provisioners.ts';
import { CONCERNS, verify } from '../../provisioners/concerns/verify.ts';
import { target } from '../fixtures/target-config.ts';

const FOLDER = join(import.meta.dirname, '../../provisioners');
const concerns = [...Object.values(CONCERNS), verify];
const sources = await Promise.all(
  (await readdir(FOLDER, { recursive: true }))
    .filter((name) => name.endsWith('.ts'))
    .map(async (name) => ({ name, text: await readFile(join(FOLDER, name), 'utf8') })),
);

describe('provisioners', () => {
  test('are the ones that a plan names, each under its own name', () => {
    const all = PROVISIONERS.map((name) => (name === 'verify' ? verify : CONCERNS[name]).name);
    expect(all).toEqual(PROVISIONERS);
    expect(PROVISIONERS.filter((name) => name !== 'nvidia')).toEqual(target.provisioners);
  });

  test.each(concerns)('$name has apply and verify', ({ apply, verify: look }) => {
    expect(apply).toBeTypeOf('function');
    expect(look).toBeTypeOf('function');
  });

  test('verify refuses to apply', async () => {
    await expect(verify.apply({} as never)).rejects.toThrow('only looks');
  });
});

describe('no provisioner', () => {
  test('starts Docker, its socket or the agent, or has a boot start them', () => {
    for (const { name, text } of sources) {
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
