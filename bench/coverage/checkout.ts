import { readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { projectFolder } from '../../src/io/paths.ts';

/** Where the programs of the image leave their coverage, on the image. */
export const COVERAGE_FOLDER = '/opt/ecs-host/coverage';

type Change = { readonly file: string; readonly from: string; readonly to: string };

/** The product knows nothing of coverage: what differs from it is here, and only in a copy. */
const CHANGES: readonly Change[] = [
  { file: 'src/bundle/bundle.ts', from: 'sourcemap: false', to: "sourcemap: 'inline'" },
  {
    file: 'src/plan/provisioning.ts',
    // biome-ignore lint/suspicious/noTemplateCurlyInString: as it stands there.
    from: '`sudo ${HOST_NODE} ${onHost(',
    to: `\`sudo NODE_V8_COVERAGE=${COVERAGE_FOLDER} \${HOST_NODE} \${onHost(`,
  },
];

/** A copy of this checkout whose bakes leave on the image which statements of the provisioners ran. */
export async function copyWithCoverage(folder: string): Promise<void> {
  const { stdout } = await execa('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], {
    cwd: projectFolder(),
  });
  await execa('rsync', ['--archive', '--from0', '--files-from=-', `${projectFolder()}/`, `${folder}/`], {
    input: stdout,
  });
  await symlink(join(projectFolder(), 'node_modules'), join(folder, 'node_modules'));
  for (const { file, from, to } of CHANGES) {
    const path = join(folder, file);
    const text = await readFile(path, 'utf8');
    if (!text.includes(from)) throw new Error(`${file} does not hold ${from}`);
    await writeFile(path, text.replace(from, to));
  }
}
