import { readdir } from 'node:fs/promises';
import { aptInstall, aptRemove, areInstalled, installedVersion } from '../lib/apt.ts';
import type { Concern, Context } from '../lib/context.ts';
import {
  dockerPackages,
  dockerSourceLine,
  isDaemonConfigComplete,
  mergeDaemonConfig,
  parseDaemonConfig,
  renderDaemonConfig,
} from '../lib/docker-config.ts';
import { download } from '../lib/download.ts';
import { exists, installFiles, putFile, readText } from '../lib/files.ts';
import { requireKey } from '../lib/gpg.ts';
import { withoutServices } from '../lib/no-services.ts';
import { checkDisabled, checkNeverStarted, disableUnits, reloadUnits } from '../lib/systemd.ts';
import { ask, textOf, tool } from '../lib/tool.ts';
import { readUnits } from '../lib/unit-graph.ts';
import { checkWitness, installWitness, WITNESS } from '../lib/witness.ts';

export const FILES = [
  '/etc/systemd/system/containerd.service.d/10-ecs-host-gate.conf',
  '/etc/systemd/system/docker.service.d/10-ecs-host-gate.conf',
  '/etc/systemd/system/docker.socket.d/10-ecs-host-gate.conf',
  WITNESS,
];

/**
 * Nothing but Docker needs containerd, which starts containers for whoever may speak to it: it stays down as Docker
 * does.
 */
const UNITS = ['docker.service', 'docker.socket', 'containerd.service'] as const;
const UNIT_IDS = {
  'docker.service': 'service',
  'docker.socket': 'socket',
  'containerd.service': 'containerd',
} as const;
const CONFIG = '/etc/docker/daemon.json';
const KEY_FILE = '/etc/apt/keyrings/docker.asc';
/** Docker Release (CE deb), as Docker's installation guide states it. */
const KEY_FINGERPRINT = '9DC858229FC7DD38854AE2D88D81803C0EBFCD88';
const SOURCE_LIST = '/etc/apt/sources.list.d/docker.list';

async function addRepository({ target }: Context): Promise<boolean> {
  if (!(await exists(KEY_FILE))) {
    const fetched = '/run/ecs-host-provision/docker.asc';
    await download(`https://download.docker.com/linux/${target.os.distribution}/gpg`, fetched);
    await requireKey(fetched, KEY_FINGERPRINT);
    await putFile(KEY_FILE, (await readText(fetched)) ?? '');
  }
  return putFile(SOURCE_LIST, dockerSourceLine(target.os, KEY_FILE));
}

async function isMember(user: string): Promise<boolean> {
  return (await textOf`id --name --groups ${user}`).split(' ').includes('docker');
}

export const docker: Concern = {
  name: 'docker',
  apply: async (context) => {
    const { docker: config, sshUser } = context.target;
    const packages = dockerPackages(config.source);
    const wanted = packages.install.map((name) => ({
      name,
      ...(config.version !== null && name.startsWith(packages.main) ? { version: config.version } : {}),
    }));
    // Before the package comes: what the gate holds back must never find it missing.
    await context.step('gate', {}, async () => {
      const isChanged = await installFiles(context, FILES);
      if (isChanged) await reloadUnits();
      return isChanged;
    });
    await context.step('witness', {}, () => installWitness(config.source));
    await context.step('remove other Dockers', {}, () => aptRemove(packages.remove));
    await context.step('configure', {}, async () => {
      const current = parseDaemonConfig(await readText(CONFIG));
      if (isDaemonConfigComplete(current, config)) return false;
      return putFile(CONFIG, renderDaemonConfig(mergeDaemonConfig(current, config)));
    });
    if (config.source === 'docker-ce') await context.step('apt repository', {}, () => addRepository(context));
    await context.step(`install ${packages.main}`, { doneWhen: () => areInstalled(wanted) }, () =>
      withoutServices(() => aptInstall(wanted)),
    );
    await context.step('not at boot', {}, async () => {
      const isChanged = await disableUnits(UNITS);
      if (isChanged) await reloadUnits();
      return isChanged;
    });
    await context.step(`${sshUser} in group docker`, { doneWhen: () => isMember(sshUser) }, async () => {
      await tool`usermod --append --groups docker ${sshUser}`;
    });
  },
  verify: async (context) => {
    const { docker: config, sshUser } = context.target;
    const { main } = dockerPackages(config.source);
    await context.look(
      { id: 'docker.installed', title: 'Docker is installed from the source that the plan names', expected: main },
      async () => {
        const version = await installedVersion(main);
        return { actual: version === null ? 'not installed' : `${main} ${version}`, isCorrect: version !== null };
      },
    );
    for (const unit of UNITS) {
      const id = `docker.${UNIT_IDS[unit]}`;
      await checkDisabled(context, unit, `${id}-disabled`);
      await context.look({ id: `${id}-gated`, title: `${unit} asserts the gate`, expected: 'asserted' }, async () => {
        const text = await textOf`systemctl cat ${unit}`;
        const isCorrect = text.includes('\nAssertPathExists=/run/ecs-host/gate-open');
        return { actual: isCorrect ? 'asserted' : 'not asserted', isCorrect };
      });
      await checkNeverStarted(context, unit, `${id}-never-started`);
    }
    await context.look(
      {
        id: 'docker.pulled-in-by',
        title: 'Nothing but the agent asks for Docker',
        expected: 'docker.service, docker.socket, ecs.service at most',
      },
      async () => {
        const units = await readUnits([...UNITS, 'ecs.service', 'ecs-host.service']);
        const by = new Set(
          UNITS.flatMap((unit) =>
            ['RequiredBy', 'WantedBy', 'TriggeredBy'].flatMap((how) => units.get(unit)?.[how] ?? []),
          ),
        );
        const others = [...by].filter((unit) => !['docker.service', 'docker.socket', 'ecs.service'].includes(unit));
        return { actual: [...by].sort().join(', ') || 'nothing', isCorrect: others.length === 0 };
      },
    );
    await checkWitness(context);
    const noState = { id: 'docker.no-state', title: 'No images and containers of the bake', expected: 'empty' };
    if (context.stage === 'booted') context.skip(noState, 'the bake looked; a booted host has its own');
    else
      await context.look(noState, async () => {
        const inside = await readdir('/var/lib/docker').catch(() => []);
        return {
          actual: inside.length === 0 ? 'empty' : inside.slice(0, 5).join(', '),
          isCorrect: inside.length === 0,
        };
      });
    await context.look(
      { id: 'docker.daemon-json', title: "Docker's configuration has what the plan decides", expected: 'complete' },
      async () => {
        const isCorrect = isDaemonConfigComplete(parseDaemonConfig(await readText(CONFIG)), config);
        return { actual: isCorrect ? 'complete' : 'different', isCorrect };
      },
    );
    await context.look(
      { id: 'docker.group', title: `${sshUser} may use Docker`, expected: 'member of docker' },
      async () => {
        const isCorrect = await isMember(sshUser);
        return { actual: isCorrect ? 'member of docker' : 'not a member', isCorrect };
      },
    );
    await context.look(
      { id: 'docker.no-policy-left', title: 'Packages may start services again', expected: 'no policy' },
      async () => {
        const { exitCode } = await ask`test -e /usr/sbin/policy-rc.d`;
        return { actual: exitCode === 0 ? '/usr/sbin/policy-rc.d' : 'no policy', isCorrect: exitCode !== 0 };
      },
    );
  },
};
