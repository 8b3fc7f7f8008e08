/**
 * What the bake starts on the build instance: the provisioners named, one after the other in one process, up to the first that fails. Each
 * stays a file of its own that can be run by itself.
 *
 *   node bake.mjs base docker ... verify
 */
const [node = '', self = '', ...names] = process.argv;
for (const name of names) {
  // Each reads its words where it would if it were started alone.
  process.argv = [node, self, ...(name === 'verify' ? ['verify', '--stage', 'bake'] : ['apply'])];
  await import(`./${name}.mjs`);
  if (process.exitCode) break;
}

export {};
