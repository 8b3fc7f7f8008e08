import { rm } from 'node:fs/promises';
import { onHost } from '#contracts/host-paths.ts';
import { POWER_OFF_UNIT } from '#contracts/host-service.ts';
import type { Concern, Context, Puts } from '../lib/context.ts';
import { exists, installFiles, putFile } from '../lib/files.ts';
import { putsAllEnabled, putsFile, putsFiles } from '../lib/puts.ts';
import { checkEnabled, disableUnits, enableUnit, reloadUnits, showUnit } from '../lib/systemd.ts';
import { textOf } from '../lib/tool.ts';
import { PULLS, reach, readUnits, type UnitFacts, WAITS } from '../lib/unit-graph.ts';

export const FILES = [
  '/etc/systemd/system/ecs-host.service',
  '/etc/systemd/system/ecs-host-guard.service',
  '/etc/systemd/system/ecs-host-poweroff.service',
  onHost('bin/ecs-host-gate'),
  onHost('bin/ecs-host-guard'),
  onHost('bin/ecs-host-notify'),
  onHost('bin/ecs-host-place'),
  onHost('bin/ecs-host-status'),
  onHost('bin/ecs-host-stopped'),
  '/usr/local/bin/ecs-host-status',
];

const UNIT = 'ecs-host.service';
const GUARD = 'ecs-host-guard.service';
const AT_BOOT = [UNIT, GUARD];
const POWER_OFF = `${POWER_OFF_UNIT}.service`;
const DEVELOPMENT = 'ecs-host-dev.service';
const DEVELOPMENT_FILE = `/etc/systemd/system/${DEVELOPMENT}`;
const REFERENCE = onHost('bin/ecs-hostd.mjs');
const OWN_DROP_IN = '/etc/systemd/system/ecs-host.service.d/10-program.conf';
const GATED = ['docker.service', 'docker.socket', 'containerd.service', 'ecs.service'];

/** Of 10; what systemd itself calls OK ends at 4.9. */
const MOST_EXPOSED = 3;

export function ownDropIn(entry: string): string {
  return `# A program of the user's own in place of the project's host service (hostService in hosts.yaml).\n[Service]\nExecStart=\nExecStart=${entry}\n`;
}

/** Null where the unit runs what it says itself. */
function ownDropInFor({ hostService: { entry } }: Context['target']): string | null {
  return entry === REFERENCE ? null : ownDropIn(entry);
}

/** A machine that was set up for development makes containers ready without a gate; a real host must not. */
function endDevelopment({ step }: Context): Promise<void> {
  return step('no development service', { doneWhen: async () => !(await exists(DEVELOPMENT_FILE)) }, async () => {
    await disableUnits([DEVELOPMENT]);
    await rm(DEVELOPMENT_FILE);
    await reloadUnits();
  });
}

async function checkPowerOff(context: Context): Promise<void> {
  await context.look(
    {
      id: 'host-service.power-off',
      title: 'A host that was told a final no can power itself off, and nobody else starts that',
      expected: 'loaded, not by hand, not while the gate is open',
    },
    async () => {
      const properties = ['LoadState', 'RefuseManualStart', 'ExecCondition'];
      const { LoadState = '', RefuseManualStart, ExecCondition = '' } = await showUnit(POWER_OFF, properties);
      const actual = [
        LoadState,
        RefuseManualStart === 'yes' ? 'not by hand' : 'also by hand',
        ExecCondition.includes('ecs-host-gate check gate-open') ? 'not while the gate is open' : 'whenever',
      ].join(', ');
      return { actual, isCorrect: actual === 'loaded, not by hand, not while the gate is open' };
    },
  );
}

const puts: Puts = (target, carried) => {
  const dropIn = ownDropInFor(target);
  return [
    ...putsFiles(carried, FILES),
    ...(dropIn === null ? [] : [putsFile(OWN_DROP_IN, dropIn)]),
    ...putsAllEnabled(carried, AT_BOOT),
  ];
};

export const hostService: Concern = {
  name: 'host-service',
  puts,
  apply: async (context) => {
    const { entry } = context.target.hostService;
    await context.step('carried program', { doneWhen: () => exists(entry) }, () => {
      throw new Error(`${entry} was not carried to this machine`);
    });
    await endDevelopment(context);
    await context.step('unit and command', {}, async () => {
      const isInstalled = await installFiles(context, FILES);
      const dropIn = ownDropInFor(context.target);
      const isOwn = dropIn !== null && (await putFile(OWN_DROP_IN, dropIn));
      if (isInstalled || isOwn) await reloadUnits();
      return isInstalled || isOwn;
    });
    // For the next boots. In the bake it has no webserver to ask and nothing to do.
    await context.step('at boot', {}, async () => {
      let isChanged = false;
      for (const unit of AT_BOOT) if (await enableUnit(unit)) isChanged = true;
      return isChanged;
    });
  },
  verify: async (context) => {
    const { entry } = context.target.hostService;
    await checkEnabled(context, UNIT, 'host-service.enabled');
    await checkEnabled(context, GUARD, 'host-service.guard-enabled');
    await context.look(
      { id: 'host-service.program', title: 'The unit runs the program that the plan names', expected: entry },
      async () => {
        const { ExecStart = '' } = await showUnit(UNIT, ['ExecStart']);
        const isCorrect =
          / argv\[\]=([^;]*) ;/.exec(ExecStart)?.[1]?.split(' ').at(-1) === entry && (await exists(entry));
        return { actual: isCorrect ? entry : ExecStart.slice(0, 200), isCorrect };
      },
    );
    await context.look(
      { id: 'host-service.no-development', title: 'Nothing else makes containers ready', expected: 'nothing' },
      async () => {
        const isThere = await exists(DEVELOPMENT_FILE);
        return { actual: isThere ? DEVELOPMENT : 'nothing', isCorrect: !isThere };
      },
    );
    const units = await readUnits([UNIT, ...GATED]).catch((): ReadonlyMap<string, UnitFacts> => new Map());
    const walk = async (id: string, title: string, expected: string, how: Parameters<typeof reach>[2]): Promise<void> =>
      context.look({ id, title, expected }, async () => {
        if (!units.has(UNIT)) throw new Error(`systemd does not know ${UNIT}`);
        const ways = reach(units, UNIT, how);
        const way = GATED.map((unit) => ways.get(unit)).find((found) => found !== undefined);
        return { actual: way ? way.join(' > ') : expected, isCorrect: way === undefined };
      });
    await walk(
      'host-service.pulls-nothing-gated',
      'Starting the host service starts neither Docker nor the agent',
      'pulls in neither',
      PULLS,
    );
    await walk(
      'host-service.not-after-docker',
      'The host service does not wait for Docker or the agent',
      'waits for neither',
      WAITS,
    );
    await context.look(
      { id: 'host-service.restarts', title: 'A host service that died comes back', expected: 'always' },
      async () => {
        const { Restart = '' } = await showUnit(UNIT, ['Restart']);
        return { actual: Restart, isCorrect: Restart === 'always' };
      },
    );
    await context.look(
      {
        id: 'host-service.exposure',
        title: 'systemd-analyze security finds the host service well shielded',
        expected: `at most ${MOST_EXPOSED.toFixed(1)}`,
      },
      async () => {
        const text = await textOf`systemd-analyze security --no-pager ${UNIT}`;
        const actual = /exposure level for .*?: ([\d.]+)/.exec(text)?.[1] ?? 'not said';
        return { actual, isCorrect: Number(actual) <= MOST_EXPOSED };
      },
    );
    await checkPowerOff(context);
    const spoken = { id: 'host-service.speaks', title: 'The host service tells systemd how far it is' } as const;
    if (context.stage !== 'booted') {
      context.skip({ ...spoken, expected: 'a status line' }, 'it runs on booted machines only');
    } else {
      await context.look({ ...spoken, expected: 'a status line' }, async () => {
        const { StatusText = '' } = await showUnit(UNIT, ['StatusText']);
        return { actual: StatusText === '' ? 'silence' : 'a status line', isCorrect: StatusText !== '' };
      });
    }
    await context.look(
      { id: 'host-service.status-command', title: 'ecs-host-status is in PATH', expected: 'there' },
      async () => {
        const isCorrect = await exists('/usr/local/bin/ecs-host-status');
        return { actual: isCorrect ? 'there' : 'not there', isCorrect };
      },
    );
  },
};
