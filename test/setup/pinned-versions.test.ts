import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { readPrerequisites } from '../../scripts/setup-lib/prerequisites.mjs';
import { projectFolder } from '../../src/io/paths.ts';
import { TOOLCHAIN } from '../../src/plan/toolchain.ts';

function toolchainFile(name: string): string {
  return readFileSync(join(projectFolder(), 'packer', 'toolchain', name), 'utf8');
}

/** What Go builds of a module, by `go.mod`. */
function requiredOf(module: string): string | undefined {
  return new RegExp(`^\\s*github\\.com/hashicorp/${module} v(\\S+)`, 'm').exec(toolchainFile('go.mod'))?.[1];
}

test('Packer and its plugin are of one version wherever one is written', () => {
  const { packer, amazonPlugin } = readPrerequisites();
  expect(TOOLCHAIN).toEqual({ packer: packer.version, amazonPlugin: amazonPlugin.version });
  expect(TOOLCHAIN).toEqual({ packer: requiredOf('packer'), amazonPlugin: requiredOf('packer-plugin-amazon') });
});
