import { rm } from 'node:fs/promises';
import { installedVersion, isInVersion } from '../lib/apt.ts';
import type { Concern, Context, Package, Puts } from '../lib/context.ts';
import { download } from '../lib/download.ts';
import { putFile } from '../lib/files.ts';
import { requireSignature } from '../lib/gpg.ts';
import { putsFile } from '../lib/puts.ts';
import { ask, tool } from '../lib/tool.ts';
import { trusted } from '../lib/trusted.ts';

/** For whoever wants to look again at an installer. */
const KEY_FILE = '/usr/share/ecs-host/keys/aws-cli.asc';
const AWS_CLI = '/usr/local/aws-cli';
const PROGRAMS = '/usr/local/bin';
const PACKAGES = ['git', 'jq', 'openssl', 'rclone', 'rsync'];

function packagesFor({ target }: Context): readonly Package[] {
  const { source, version } = target.userTools.awsCli;
  const awsCli = { name: 'awscli', ...(version === null ? {} : { version }) };
  return [...PACKAGES.map((name) => ({ name })), source === 'distribution' ? awsCli : { name: 'unzip' }];
}

/** From what `aws --version` says: `aws-cli/2.9.19 Python/...`. */
async function askAwsCli(): Promise<string | null> {
  const { exitCode, stdout } = await ask`aws --version`;
  return exitCode === 0 ? (/^aws-cli\/(\S+)/.exec(stdout)?.[1] ?? null) : null;
}

let said: Promise<string | null> | null = null;
/** It takes a second to say its version, and one run of verify wants to know it twice. */
export function awsCliVersion(): Promise<string | null> {
  said ??= askAwsCli();
  return said;
}

/** Pure: AWS names a file of its own for every version. */
export function awsCliUrl(version: string | null): string {
  return `https://awscli.amazonaws.com/awscli-exe-linux-x86_64${version === null ? '' : `-${version}`}.zip`;
}

async function installAwsCli({ target }: Context): Promise<void> {
  const folder = '/var/tmp/ecs-host-aws-cli';
  const file = `${folder}/awscli.zip`;
  try {
    const url = awsCliUrl(target.userTools.awsCli.version);
    await download(url, file);
    await download(`${url}.sig`, `${file}.sig`);
    const pinned = trusted(target, 'awsCli');
    await requireSignature({ file, signature: `${file}.sig`, pinned });
    await putFile(KEY_FILE, pinned.key);
    await tool`unzip -q -o ${file} -d ${folder}`;
    await tool`${folder}/aws/install --update --install-dir ${AWS_CLI} --bin-dir ${PROGRAMS}`;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** In the words of where it comes from: a package of the distribution has more in its version than the CLI says. */
async function foundAwsCli({ target }: Context): Promise<string | null> {
  const says = await awsCliVersion();
  return says !== null && target.userTools.awsCli.source === 'distribution' ? installedVersion('awscli') : says;
}

/** The one of AWS is no package. */
async function isAwsCliThere({ target }: Context): Promise<boolean> {
  const { source, version } = target.userTools.awsCli;
  return source === 'distribution' || isInVersion(await askAwsCli(), version);
}

/** What AWS's installer lays out; of its files only the archive is signed, which is gone by then. */
const puts: Puts = (target) => {
  const { source, version } = target.userTools.awsCli;
  if (source === 'distribution') return [];
  const current = `${AWS_CLI}/v2/current`;
  const by = "AWS's installer";
  return [
    putsFile(KEY_FILE, trusted(target, 'awsCli').key),
    { path: `${AWS_CLI}/**`, kind: 'folder', rule: 'tree', by },
    { path: current, kind: 'link', target: `${AWS_CLI}/v2/${version}`, by },
    ...['aws', 'aws_completer'].map(
      (name) => ({ path: `${PROGRAMS}/${name}`, kind: 'link', target: `${current}/bin/${name}`, by }) as const,
    ),
  ];
};

export const userTools: Concern = {
  name: 'user-tools',
  puts,
  downloads: async (context) =>
    (await isAwsCliThere(context)) ? [] : [awsCliUrl(context.target.userTools.awsCli.version)],
  packages: async (context) => packagesFor(context),
  apply: async (context) => {
    if (context.target.userTools.awsCli.source === 'aws')
      await context.step('AWS CLI', { doneWhen: () => isAwsCliThere(context) }, () => installAwsCli(context));
  },
  verify: async (context) => {
    const { version } = context.target.userTools.awsCli;
    await context.look(
      { id: 'user-tools.aws-cli', title: 'The AWS CLI runs', expected: version ?? 'any version' },
      async () => {
        const found = await foundAwsCli(context);
        return { actual: found ?? 'does not run', isCorrect: isInVersion(found, version) };
      },
    );
    for (const name of ['rclone', 'rsync', 'jq', 'git']) {
      await context.look({ id: `user-tools.${name}`, title: `${name} runs`, expected: 'runs' }, async () => {
        const { exitCode } = await ask`${name} --version`;
        return { actual: exitCode === 0 ? 'runs' : `exit code ${exitCode}`, isCorrect: exitCode === 0 };
      });
    }
  },
};
