import { aptRemove, installedVersion, isInVersion } from '../lib/apt.ts';
import type { Concern, Context, Package, Put, Puts, Repository } from '../lib/context.ts';
import { checkAnswers, runFromBoot, verifyFromBoot } from '../lib/docker-at-boot.ts';
import {
  DOCKER_CONFIG,
  dockerPackages,
  dockerSourceLine,
  isDaemonConfigComplete,
  mergeDaemonConfig,
  parseDaemonConfig,
  renderDaemonConfig,
} from '../lib/docker-config.ts';
import { GATE_FILES, keepFromBoot, setUpGate, verifyGate } from '../lib/docker-gate.ts';
import { checkDockerGroup, joinDockerGroup } from '../lib/docker-group.ts';
import { putFile, readText } from '../lib/files.ts';
import { takeGateAway } from '../lib/no-gate.ts';
import { putsFile, putsFiles } from '../lib/puts.ts';
import { ask } from '../lib/tool.ts';
import { trusted } from '../lib/trusted.ts';
import { putsWitness } from '../lib/witness.ts';

export const FILES = GATE_FILES;

const KEY_FILE = '/etc/apt/keyrings/docker.asc';
const SOURCE_LIST = '/etc/apt/sources.list.d/docker.list';

function repository({ target }: Pick<Context, 'target'>): Repository | null {
  if (target.docker.source !== 'docker-ce') return null;
  return {
    name: 'Docker',
    keyUrl: `https://download.docker.com/linux/${target.os.distribution}/gpg`,
    fingerprint: trusted(target, 'docker').fingerprint,
    keyFile: KEY_FILE,
    sourceList: SOURCE_LIST,
    source: dockerSourceLine(target.os, KEY_FILE),
  };
}

function packagesFor({ docker: { source, version } }: Context['target']): readonly Package[] {
  const { main, install } = dockerPackages(source);
  return install.map((name) => (version !== null && name.startsWith(main) ? { name, version } : { name }));
}

async function prepare(context: Context): Promise<void> {
  const isHost = context.target.variant === 'host';
  await (isHost ? setUpGate(context) : takeGateAway(context));
  const { remove } = dockerPackages(context.target.docker.source);
  await context.step('remove other Dockers', {}, () => aptRemove(remove));
}

/** NVIDIA's toolkit writes what is there anew, with its own in it. */
function putsConfig({ docker: config, nvidia }: Context['target']): Put {
  const text = renderDaemonConfig(mergeDaemonConfig({}, config));
  if (nvidia === null) return putsFile(DOCKER_CONFIG, text);
  return { path: DOCKER_CONFIG, kind: 'file', rule: 'docker-config', expected: text, by: 'nvidia-ctk' };
}

const puts: Puts = (target, carried) => [
  ...putsFiles(carried, FILES),
  ...putsWitness(target.docker.source, carried),
  putsConfig(target),
];

/** The same Docker with the same configuration, whoever starts it. */
async function apply(context: Context): Promise<void> {
  const isHost = context.target.variant === 'host';
  const { docker: config } = context.target;
  await context.step('configure', {}, async () => {
    const current = parseDaemonConfig(await readText(DOCKER_CONFIG));
    if (isDaemonConfigComplete(current, config)) return false;
    return putFile(DOCKER_CONFIG, renderDaemonConfig(mergeDaemonConfig(current, config)));
  });
  await (isHost ? keepFromBoot(context) : runFromBoot(context));
  await joinDockerGroup(context);
}

async function verify(context: Context): Promise<void> {
  const { docker: config, variant } = context.target;
  const { main } = dockerPackages(config.source);
  await context.look(
    {
      id: 'docker.installed',
      title: 'Docker is installed from the source and in the version that the plan names',
      expected: config.version === null ? main : `${main} ${config.version}`,
    },
    async () => {
      const version = await installedVersion(main);
      return {
        actual: version === null ? 'not installed' : `${main} ${version}`,
        isCorrect: isInVersion(version, config.version),
      };
    },
  );
  if (variant === 'host') await verifyGate(context);
  else {
    await verifyFromBoot(context);
    await checkAnswers(context, 'docker.answers');
  }
  await context.look(
    { id: 'docker.daemon-json', title: "Docker's configuration has what the plan decides", expected: 'complete' },
    async () => {
      const isCorrect = isDaemonConfigComplete(parseDaemonConfig(await readText(DOCKER_CONFIG)), config);
      return { actual: isCorrect ? 'complete' : 'different', isCorrect };
    },
  );
  await checkDockerGroup(context, 'docker.group');
  await context.look(
    { id: 'docker.no-policy-left', title: 'Packages may start services again', expected: 'no policy' },
    async () => {
      const { exitCode } = await ask`test -e /usr/sbin/policy-rc.d`;
      return { actual: exitCode === 0 ? '/usr/sbin/policy-rc.d' : 'no policy', isCorrect: exitCode !== 0 };
    },
  );
}

export const docker: Concern = {
  name: 'docker',
  repository,
  prepare,
  packages: async ({ target }) => packagesFor(target),
  puts,
  apply,
  verify,
};
