import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { projectFolder } from './setup-lib/paths.mjs';

/**
 * Replaces what stands between `<!-- name: from source -->` and `<!-- /name -->`; the rest of such a file is written by
 * hand.
 */
export function between(text: string, name: string, source: string, generated: string): string {
  const [start, end] = [`<!-- ${name}: from ${source} -->`, `<!-- /${name} -->`];
  const [from, to] = [text.indexOf(start), text.indexOf(end)];
  if (from < 0 || to < from) throw new Error(`there is no place for ${name}: ${start} and ${end} are missing`);
  return `${text.slice(0, from + start.length)}\n\n${generated}\n\n${text.slice(to)}`;
}

/** As Biome formats a file of that name: it is linted like everything else. */
export function formatted(path: string, text: string): Promise<string> {
  const biome = join(projectFolder(), 'node_modules', '.bin', 'biome');
  return new Promise((resolve, reject) => {
    const child = execFile(biome, ['format', `--stdin-file-path=${path}`], (error, stdout) =>
      error ? reject(error) : resolve(stdout),
    );
    child.stdin?.end(text);
  });
}
