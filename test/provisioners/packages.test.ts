import { stat } from 'node:fs/promises';
import { afterEach, describe, expect, test } from 'vitest';
import type { ProvisionerName } from '#contracts/provisioners.ts';
import type { TargetConfig } from '#contracts/target-config.ts';
import { withPackages } from '../../provisioners/concerns/packages.ts';
import { CONCERNS } from '../../provisioners/concerns/verify.ts';
import type { Context } from '../../provisioners/lib/context.ts';
import { beginDownloads, endDownloads } from '../../provisioners/lib/download.ts';
import { createContext } from '../../provisioners/run-concern.ts';
import { development, target } from '../fixtures/target-config.ts';

function concernsOf(names: readonly string[]) {
  return names.filter((name) => name !== 'verify').map((name) => CONCERNS[name as Exclude<ProvisionerName, 'verify'>]);
}

/** What would be done, in order: `concern: step`. */
async function stepsOf(wanted: TargetConfig, names: readonly string[] = wanted.provisioners): Promise<string[]> {
  const found: string[] = [];
  const quiet = { emit: () => undefined, complain: () => undefined };
  const { context } = createContext({ provisioner: 'any', target: wanted, stage: 'bake', ...quiet });
  for (const concern of withPackages(concernsOf(names))) {
    const step: Context['step'] = async (name) => void found.push(`${concern.name}: ${name}`);
    await concern.apply({ ...context, step });
  }
  return found;
}

describe('packages of all concerns', () => {
  test('come in one transaction: settings before it, gates before it, everything else behind it', async () => {
    const steps = await stepsOf(target);
    const at = (step: string): number => {
      expect(steps).toContain(step);
      return steps.indexOf(step);
    };
    expect(steps.filter((step) => step.includes('install packages'))).toHaveLength(1);
    expect(steps.filter((step) => step.includes('package lists'))).toHaveLength(1);
    const installed = at('packages: install packages');
    for (const before of [
      ...['base: apt settings', 'base: stop unattended upgrades', 'packages: package lists'],
      ...['packages: base: security updates', 'packages: docker: gate', 'packages: docker: witness'],
      ...['packages: docker: remove other Dockers', 'packages: ecs-agent: gate'],
    ])
      expect(at(before), before).toBeLessThan(installed);
    expect(at('packages: package lists')).toBeLessThan(at('packages: base: security updates'));
    for (const after of ['docker: configure', 'docker: not at boot', 'ecs-agent: not at boot'])
      expect(at(after), after).toBeGreaterThan(installed);
  });

  test('come after the lists of all repositories', async () => {
    const steps = await stepsOf({
      ...target,
      docker: { ...target.docker, source: 'docker-ce' },
      trust: { ...target.trust, docker: { fingerprint: 'A'.repeat(40) } },
    });
    expect(steps.indexOf('packages: apt repository of Docker')).toBeGreaterThan(
      steps.indexOf('packages: tools that fetch'),
    );
    expect(steps.indexOf('packages: apt repository of Docker')).toBeLessThan(steps.indexOf('packages: package lists'));
    expect(await stepsOf(target)).not.toContain('packages: tools that fetch');
  });

  test('are not thought of where no concern has any', () => {
    const concerns = concernsOf(['limits', 'record-versions', 'clean']);
    expect(withPackages(concerns)).toEqual(concerns);
  });

  test('are those of the named concerns alone', async () => {
    const steps = await stepsOf(target, ['user-tools']);
    expect(steps).toEqual(['packages: package lists', 'packages: install packages', 'packages: lists of packages']);
  });

  test('come to a development host once its gate is gone', async () => {
    const steps = await stepsOf(development);
    expect(steps.indexOf('packages: docker: no gate')).toBeLessThan(steps.indexOf('packages: install packages'));
    expect(steps).not.toContain('packages: docker: gate');
  });
});

describe('downloads that nobody asked for', () => {
  afterEach(endDownloads);

  test('end, and leave nothing', async () => {
    // Nobody listens there, which curl asks again and again.
    await beginDownloads(['https://127.0.0.1:9/driver.run']);
    await endDownloads();
    await expect(stat('/var/tmp/ecs-host-downloads')).rejects.toThrow('ENOENT');
  });
});
