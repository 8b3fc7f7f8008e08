import { exists, installFiles } from '../lib/files.ts';
import { checkEnabled, enableUnit, reloadUnits, showUnit } from '../lib/systemd.ts';
import { PULLS, reach, readUnits, type UnitFacts, WAITS } from '../lib/unit-graph.ts';
import type { Concern } from '../step.ts';

export const FILES = [
  '/etc/systemd/system/ecs-host.service',
  '/opt/ecs-host/bin/ecs-host-status',
  '/usr/local/bin/ecs-host-status',
];

const UNIT = 'ecs-host.service';
const GATED = ['docker.service', 'docker.socket', 'ecs.service'];

export const hostService: Concern = {
  name: 'host-service',
  apply: async (context) => {
    const { entry } = context.target.hostService;
    await context.step('carried program', { doneWhen: () => exists(entry) }, () => {
      throw new Error(`${entry} was not carried to this machine`);
    });
    await context.step('unit and command', {}, async () => {
      const isChanged = await installFiles(context, FILES);
      if (isChanged) await reloadUnits();
      return isChanged;
    });
    // For the next boots. In the bake it has no webserver to ask and nothing to do.
    await context.step('at boot', {}, () => enableUnit(UNIT));
  },
  verify: async (context) => {
    const { entry } = context.target.hostService;
    await checkEnabled(context, UNIT, 'host-service.enabled');
    await context.look(
      { id: 'host-service.program', title: 'The unit runs the program that the plan names', expected: entry },
      async () => {
        const { ExecStart = '' } = await showUnit(UNIT, ['ExecStart']);
        const isCorrect = ExecStart.includes(` ${entry} ;`) && (await exists(entry));
        return { actual: isCorrect ? entry : ExecStart.slice(0, 200), isCorrect };
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
      { id: 'host-service.status-command', title: 'ecs-host-status is in PATH', expected: 'there' },
      async () => {
        const isCorrect = await exists('/usr/local/bin/ecs-host-status');
        return { actual: isCorrect ? 'there' : 'not there', isCorrect };
      },
    );
  },
};
