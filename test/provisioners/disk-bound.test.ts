import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { agentDefaults } from '../../provisioners/lib/agent-config.ts';
import { mergeDaemonConfig } from '../../provisioners/lib/docker-config.ts';
import { DEFAULT_VOLUME_GIB } from '../../src/config/root-volume.ts';
import { projectFolder } from '../../src/io/paths.ts';
import { target } from '../fixtures/target-config.ts';

/**
 * What a host of 32 GiB holds after a month, by the rules of the agent's source (1.105.1, agent/engine's
 * docker_image_manager.go and agent/config) as far as they are about time. No lab lasts so long.
 */
const settings = agentDefaults(target);

/** A duration as Go writes it, in minutes; one that the agent could not read would be its default, in silence. */
function minutes(name: string): number {
  const [, number, unit] = /^(\d+)([mh])$/.exec(settings[name] ?? '') ?? [];
  if (number === undefined) throw new Error(`${name} is no duration that is used here: ${settings[name]}`);
  return Number(number) * (unit === 'h' ? 60 : 1);
}

type Rules = {
  readonly behaviour: string;
  readonly everyMin: number;
  readonly ageMin: number;
  readonly perCycle: number;
  readonly containerMin: number;
};

function rules(behaviour = settings['ECS_IMAGE_PULL_BEHAVIOR'] ?? ''): Rules {
  return {
    behaviour,
    everyMin: minutes('ECS_IMAGE_CLEANUP_INTERVAL'),
    ageMin: minutes('ECS_IMAGE_MINIMUM_CLEANUP_AGE'),
    perCycle: Number(settings['ECS_NUM_IMAGES_DELETE_PER_CYCLE']),
    containerMin: minutes('ECS_ENGINE_TASK_CLEANUP_WAIT_DURATION'),
  };
}

/** How many images are there at once, at most and in the end, when each of `tasks` has an image of its own. */
function imagesOf(
  { behaviour, everyMin, ageMin, perCycle, containerMin }: Rules,
  tasks: readonly { readonly atMin: number; readonly runsMin: number }[],
): { readonly most: number; readonly last: number } {
  let held: { readonly pulledMin: number; readonly freeMin: number }[] = [];
  let most = 0;
  let cycleMin = everyMin;
  for (const { atMin, runsMin } of tasks) {
    for (; cycleMin <= atMin; cycleMin += everyMin) {
      if (behaviour === 'prefer-cached') continue;
      const isDue = (image: (typeof held)[number]): boolean =>
        cycleMin - image.pulledMin > ageMin && cycleMin >= image.freeMin;
      const due = new Set(held.filter(isDue).slice(0, perCycle));
      held = held.filter((image) => !due.has(image));
    }
    held.push({ pulledMin: atMin, freeMin: atMin + runsMin + containerMin });
    most = Math.max(most, held.length);
  }
  return { most, last: held.length };
}

/** A month of a new image every quarter of an hour, each for a task of half an hour. */
const MONTH = Array.from({ length: 30 * 24 * 4 }, (_, index) => ({ atMin: index * 15, runsMin: 30 }));

describe('images', () => {
  test('have settings that the agent takes as they are', () => {
    const { everyMin, ageMin, perCycle, containerMin } = rules();
    expect(everyMin).toBeGreaterThanOrEqual(10);
    expect(perCycle).toBeGreaterThanOrEqual(1);
    expect(ageMin).toBeGreaterThan(0);
    expect(containerMin).toBeGreaterThan(0);
    expect(settings).not.toHaveProperty('ECS_DISABLE_IMAGE_CLEANUP');
    // Images of whoever works on the host are not the agent's.
    expect(settings).not.toHaveProperty('ECS_ENABLE_UNTRACKED_IMAGE_CLEANUP');
  });

  test('of a month are as many as of the last 70 minutes, and of a month with the earlier setting all', () => {
    expect(imagesOf(rules(), MONTH).most).toBeLessThanOrEqual(6);
    expect(imagesOf(rules('prefer-cached'), MONTH).most).toBe(MONTH.length);
  });

  test('that came in a burst are gone within the hour', () => {
    const burst = Array.from({ length: 30 }, (_, index) => ({ atMin: index / 3, runsMin: 1 }));
    expect(imagesOf(rules(), [...burst, { atMin: 70, runsMin: 1 }])).toEqual({ most: 30, last: 1 });
  });
});

test('everything else that grows has a bound, and leaves 15 GiB for images and what containers write', async () => {
  const { 'log-opts': logs, builder } = mergeDaemonConfig({}, target.docker) as {
    'log-opts': Record<string, string>;
    builder: { gc: { enabled: boolean; policy: { keepStorage: string; all: boolean }[] } };
  };
  const read = (path: string): Promise<string> => readFile(join(projectFolder(), 'packer/rootfs', path), 'utf8');
  const mib = (text: string | undefined): number => {
    const [, number, unit] = /^(\d+)([MmG]?)B?$/.exec(text ?? '') ?? [];
    return Number(number) * (unit === 'G' ? 1024 : 1);
  };
  const journal = mib(/^SystemMaxUse=(.*)$/m.exec(await read('etc/systemd/journald.conf.d/90-ecs-host.conf'))?.[1]);
  const rotated = await read('etc/logrotate.d/ecs-host');
  const files = Number(/rotate (\d+)/.exec(rotated)?.[1]) + 1;
  // ecs-init's and the audit log; the agent's own has its bound in the agent.
  const ecsLogs =
    2 * files * mib(/maxsize (\S+)/.exec(rotated)?.[1]) +
    Number(settings['ECS_LOG_MAX_FILE_SIZE_MB']) * (Number(settings['ECS_LOG_MAX_ROLL_COUNT']) + 1);
  const bounds = {
    // An allowance for Ubuntu, driver, headers and compiler, Docker, agent, AWS CLI, and what verify does not look at.
    system: 7 * 1024,
    swap: 2048,
    journal,
    ecsLogs,
    buildCache: mib(builder.gc.policy[0]?.keepStorage),
    // Sixteen containers at a time, all of them with full logs.
    containerLogs: 16 * mib(logs['max-size']) * Number(logs['max-file']),
  };
  expect(builder.gc.policy).toHaveLength(1);
  expect(Object.values(bounds).every((bound) => bound > 0)).toBe(true);
  const sum = Object.values(bounds).reduce((total, bound) => total + bound, 0);
  expect(DEFAULT_VOLUME_GIB * 1024 - sum).toBeGreaterThanOrEqual(15 * 1024);
});
