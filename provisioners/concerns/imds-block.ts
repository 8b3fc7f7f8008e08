import { setTimeout as sleep } from 'node:timers/promises';
import { onHost } from '#contracts/host-paths.ts';
import { instanceData } from '../lib/cloud-init.ts';
import type { Concern, Context } from '../lib/context.ts';
import { installFiles } from '../lib/files.ts';
import { putsAllEnabled, putsFiles } from '../lib/puts.ts';
import { checkEnabled, enableUnit, reloadUnits, runsWith, showUnit } from '../lib/systemd.ts';
import { ask, textOf, tool } from '../lib/tool.ts';

export const FILES = [
  '/etc/ecs-host/imds-block.nft',
  '/etc/systemd/system/ecs-host-imds-block.service',
  '/etc/systemd/system/ecs-host-imds-watch.service',
  onHost('bin/ecs-host-imds-watch'),
  '/etc/systemd/system/docker.service.d/20-ecs-host-imds-block.conf',
];

const UNIT = 'ecs-host-imds-block.service';
const WATCH = 'ecs-host-imds-watch.service';
const AT_BOOT = [UNIT, WATCH];
const TABLE = 'ecs_host_imds';
const ADDRESSES = { ipv4: '169.254.169.254', ipv6: 'fd00:ec2::254' } as const;

/** The watch looks twice a second; a verdict is on the image, and not on how busy the machine is that it boots on. */
const PUT_BACK_LIMIT_MS = 20_000;

/** On a booted machine only: the bake has no container that could use the moment. */
async function checkPutBack(context: Context): Promise<void> {
  const about = {
    id: 'imds-block.put-back',
    title: 'A block that somebody flushed is put back',
    expected: 'put back',
  };
  if (context.stage !== 'booted') {
    context.skip(about, 'it is watched on booted machines');
    return;
  }
  await context.look(about, async () => {
    await tool`nft delete table inet ${TABLE}`;
    const until = Date.now() + PUT_BACK_LIMIT_MS;
    let isBack = false;
    while (!isBack && Date.now() < until) {
      await sleep(50);
      isBack = (await ask`nft list table inet ${TABLE}`).exitCode === 0;
    }
    return {
      actual: isBack ? 'put back' : `not put back within ${PUT_BACK_LIMIT_MS / 1000} s`,
      isCorrect: isBack,
    };
  });
}

export const imdsBlock: Concern = {
  name: 'imds-block',
  puts: (_target, carried) => [...putsFiles(carried, FILES), ...putsAllEnabled(carried, AT_BOOT)],
  apply: async (context) => {
    await context.step('rules and unit', {}, async () => {
      const isChanged = await installFiles(context, FILES);
      if (isChanged) await reloadUnits();
      return isChanged;
    });
    await context.step('at boot', {}, async () => {
      let isNew = false;
      for (const unit of AT_BOOT) if (await enableUnit(unit)) isNew = true;
      return isNew;
    });
    await context.step('in force', { doneWhen: () => runsWith(UNIT, FILES) }, async () => {
      await tool`systemctl restart ${UNIT}`;
    });
  },
  verify: async (context) => {
    await checkEnabled(context, UNIT, 'imds-block.enabled');
    await checkEnabled(context, WATCH, 'imds-block.watched');
    const ruleset = await ask`nft list table inet ${TABLE}`;
    for (const [family, address] of Object.entries(ADDRESSES)) {
      await context.look(
        {
          id: `imds-block.rule-${family}`,
          title: `What comes from a container to ${address} is dropped`,
          expected: 'dropped',
        },
        async () => {
          if (ruleset.exitCode !== 0) throw new Error(ruleset.stderr.trim().split('\n')[0] || 'there is no such table');
          const rule = ruleset.stdout
            .split('\n')
            .find((line) => line.includes(`daddr ${address} `) && line.includes(' drop'));
          const isCorrect =
            rule !== undefined && /hook prerouting/.test(ruleset.stdout) && rule.includes('iifname != "lo"');
          return { actual: isCorrect ? 'dropped' : (rule?.trim() ?? 'no rule'), isCorrect };
        },
      );
    }
    await context.look(
      {
        id: 'imds-block.control-port',
        title: 'What comes over a bridge for the control port is dropped',
        expected: 'dropped',
      },
      async () => {
        const isCorrect = ruleset.stdout
          .split('\n')
          .some((line) => /iifkind "bridge" tcp dport 4678 .*drop/.test(line));
        return { actual: isCorrect ? 'dropped' : 'no rule', isCorrect };
      },
    );
    await context.look(
      {
        id: 'imds-block.task-credentials',
        title: 'Containers reach their task credentials',
        expected: 'no rule for 169.254.170.2',
      },
      async () => {
        const isCorrect = !ruleset.stdout.includes('169.254.170');
        return { actual: isCorrect ? 'no rule for 169.254.170.2' : 'there is a rule', isCorrect };
      },
    );
    await context.look(
      { id: 'imds-block.before-docker', title: 'Docker does not start without the block', expected: 'loads it first' },
      async () => {
        const { After = '', ExecStartPre = '' } = await showUnit('docker.service', ['After', 'ExecStartPre']);
        const isCorrect = After.split(' ').includes(UNIT) && ExecStartPre.includes('imds-block.nft');
        return { actual: isCorrect ? 'loads it first' : `ExecStartPre=${ExecStartPre.slice(0, 80)}`, isCorrect };
      },
    );
    await checkPutBack(context);
    const reaches = {
      id: 'imds-block.host-reaches-imds',
      title: 'The host itself reaches the metadata service',
      expected: 'a token',
    };
    const data = await instanceData().catch(() => null);
    if (data?.v1?.platform !== 'ec2') context.skip(reaches, 'this machine has no EC2 metadata service');
    else
      await context.look(reaches, async () => {
        const url = `http://${ADDRESSES.ipv4}/latest/api/token`;
        const token =
          await textOf`curl --silent --show-error --fail --max-time 5 --request PUT --header ${'X-aws-ec2-metadata-token-ttl-seconds: 60'} ${url}`;
        return { actual: token === '' ? 'an empty answer' : 'a token', isCorrect: token !== '' };
      });
  },
};
