import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { projectFolder } from '../../src/io/paths.ts';
import { prose } from '../../src/nightly/markdown.ts';
import type { Night } from '../../src/nightly/night.ts';
import { nightMarkdown } from '../../src/nightly/summary.ts';
import { NIGHT, NO_ROOM, RELEASED, UNCHANGED } from '../fixtures/night.ts';

const GOLDEN = join(projectFolder(), 'test', 'nightly', 'golden');

/** `UPDATE_GOLDEN=1` writes the expected files anew; look at the difference before committing it. */
async function compare(name: string, actual: string): Promise<void> {
  const file = join(GOLDEN, name);
  if (process.env['UPDATE_GOLDEN'] === '1') await writeFile(file, actual);
  expect(actual).toBe(await readFile(file, 'utf8'));
}

test.each<[string, Night]>([
  ['mixed.md.txt', NIGHT],
  ['good.md.txt', { ...NIGHT, outcomes: [RELEASED, UNCHANGED], swept: [{ region: 'local', removed: [], failed: [] }] }],
  [
    'dry-run.md.txt',
    { ...NIGHT, outcomes: [{ ...RELEASED, status: 'planned', imageId: null, published: [], stages: [] }], swept: [] },
  ],
])('%s tells a night', async (name, night) => {
  await compare(name, nightMarkdown(night));
});

test('what others wrote is text, whatever is in it', () => {
  expect(prose('a|b <img src=x> [l](u) @team *b* `c`\n# h')).toBe(
    'a\\|b \\<img src=x\\> \\[l\\](u) @\u200bteam \\*b\\* \\`c\\` \\# h',
  );
  expect(prose('x'.repeat(2000)).length).toBeLessThan(600);
});

test('a table keeps its columns, whatever AWS said', () => {
  const lines = nightMarkdown({ ...NIGHT, outcomes: [NO_ROOM] }).split('\n');
  const row = lines.find((line) => line.includes('g3s.xlarge`')) ?? '';
  expect(row.match(/(?<!\\)\|/g)).toHaveLength(4);
});

test('many details are counted, not listed', () => {
  const details = Array.from({ length: 30 }, (_, at) => `check ${at}`);
  const failure = NO_ROOM.failure && { ...NO_ROOM.failure, details };
  const text = nightMarkdown({ ...NIGHT, outcomes: [{ ...NO_ROOM, failure }] });
  expect(text).toContain('- check 19\n- 10 more\n');
});
