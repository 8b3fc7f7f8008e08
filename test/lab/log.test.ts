import { spawnSync } from 'node:child_process';
import { openSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { projectFolder } from '../../src/io/paths.ts';

test('a log on a full disk ends nobody', () => {
  const program = `
    const { createLog } = await import(${JSON.stringify(join(projectFolder(), 'lab', 'log.ts'))});
    const log = createLog(process.stdout);
    for (let at = 0; at < 3; at += 1) { log('a line'); await new Promise(setImmediate); }
    process.stderr.write('goes on');`;
  const ended = spawnSync(process.execPath, ['--input-type=module', '-e', program], {
    stdio: ['ignore', openSync('/dev/full', 'w'), 'pipe'],
    encoding: 'utf8',
  });
  expect(ended.stderr).toBe('goes on');
  expect(ended.status).toBe(0);
});
