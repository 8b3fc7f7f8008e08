import { mkdir, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { convert } from 'ast-v8-to-istanbul';
import { execa } from 'execa';
import istanbul, { type CoverageMap, type CoverageMapData } from 'istanbul-lib-coverage';
import { parseAst } from 'rolldown/parseAst';
import { cacheFolder } from '../../src/io/paths.ts';

/** Sources are named from where the program was built, which is as deep as this. */
const BUILT_AT = join(cacheFolder(), 'bundles', 'any', 'provisioners', 'main.mjs');
const SOURCE_MAP = /\/\/# sourceMappingURL=data:application\/json;[^,]*base64,(\S+)/;

type V8Coverage = { readonly result: readonly { readonly url: string; readonly functions: never[] }[] };

/** How often each statement of the sources ran, over all that `measure` fetched into a folder. Keys are file paths. */
export async function statementsOf(folder: string): Promise<CoverageMap> {
  const all = istanbul.createCoverageMap({});
  for (const bake of await readdir(folder)) {
    const program = join(folder, bake, 'main.mjs');
    const code = await readFile(program, 'utf8');
    const inline = SOURCE_MAP.exec(code)?.[1];
    if (inline === undefined) throw new Error(`${program} has no source map`);
    const sourceMap = JSON.parse(Buffer.from(inline, 'base64').toString());
    const unpacked = join(folder, bake, 'coverage');
    await mkdir(unpacked);
    await execa('tar', ['-xf', join(folder, bake, 'coverage.tar'), '-C', unpacked]);
    for (const file of await readdir(unpacked)) {
      const { result } = JSON.parse(await readFile(join(unpacked, file), 'utf8')) as V8Coverage;
      for (const { functions } of result.filter(({ url }) => url.endsWith('/provisioners/main.mjs'))) {
        const coverage = { url: pathToFileURL(BUILT_AT).href, functions };
        all.merge((await convert({ code, sourceMap, ast: parseAst(code) as never, coverage })) as CoverageMapData);
      }
    }
  }
  return all;
}
