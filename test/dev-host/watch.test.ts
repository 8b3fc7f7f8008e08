import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { LONGEST_TTL_HOURS } from '../../src/dev-host/user-data.ts';
import { projectFolder } from '../../src/io/paths.ts';
import { WatchedMachine } from './watched-machine.ts';

const MINUTE = 60;
const HOUR = 60 * MINUTE;
const TEN_YEARS = 10 * 365 * 24 * HOUR;

let machine: WatchedMachine;
beforeEach(async () => {
  machine = await WatchedMachine.start();
  await machine.file('var/lib/ecs-host-dev/idle-minutes', '0\n');
});

describe('the deadline', () => {
  test('is the latest of tag and file', async () => {
    await machine.tag('expires', machine.time(2 * MINUTE));
    await machine.file('var/lib/ecs-host-dev/expires', `${machine.time(4 * MINUTE)}\n`);
    expect(await machine.stopsAfter(10)).toBe(4);
  });

  test('moves with the tag, and with the file, while the machine runs', async () => {
    await machine.tag('expires', machine.time(2 * MINUTE));
    expect(await machine.stopsAfter(1)).toBeNull();
    await machine.tag('expires', machine.time(2 * MINUTE));
    expect(await machine.stopsAfter(1)).toBeNull();
    await machine.file('var/lib/ecs-host-dev/expires', machine.time(2 * MINUTE));
    expect(await machine.stopsAfter(5)).toBe(2);
  });

  test('stays what it was when nobody answers for a while', async () => {
    await machine.file('var/lib/ecs-host-dev/expires', machine.time(MINUTE));
    await machine.tag('expires', machine.time(5 * MINUTE));
    await machine.look();
    await machine.noMetadata();
    expect(await machine.stopsAfter(10)).toBe(5);
  });

  test('is the file alone when the tag is taken away, and where there is no metadata service', async () => {
    await machine.file('var/lib/ecs-host-dev/expires', machine.time(3 * MINUTE));
    await machine.tag('expires', machine.time(5 * MINUTE));
    await machine.look();
    await machine.untag('expires');
    expect(await machine.stopsAfter(10)).toBe(3);
    const other = await WatchedMachine.start();
    await other.file('var/lib/ecs-host-dev/expires', other.time(3 * MINUTE));
    expect(await other.stopsAfter(10)).toBe(3);
  });

  test.for([
    '',
    'tomorrow',
    '2026-13-45T99:99:99Z',
    '2026-11-26 12:00',
    '@0',
    '-1',
    '2026-11-26T12:00:00Z; reboot',
    '$(id)',
  ])('of %j is none, and a machine without one has eight hours', async (garbage) => {
    await machine.tag('expires', garbage);
    await machine.file('var/lib/ecs-host-dev/expires', `${garbage}\0\n`);
    await machine.look();
    machine.pass(8 * HOUR - 1);
    expect((await machine.look()).stopped).toBe(false);
    machine.pass(1);
    expect(await machine.look()).toMatchObject({ stopped: true, said: expect.stringContaining('unknown') });
  });

  test('holds when the clock goes back ten years', async () => {
    await machine.tag('expires', machine.time(3 * MINUTE));
    await machine.look();
    machine.jump(-TEN_YEARS);
    expect(await machine.stopsAfter(10)).toBe(3);
  });

  test('holds when the clock was behind from the start, and is put right', async () => {
    await machine.tag('expires', machine.time(5 * MINUTE));
    machine.jump(-TEN_YEARS);
    await machine.look();
    machine.jump(TEN_YEARS);
    expect(await machine.stopsAfter(10)).toBe(5);
  });

  test(`is never further away than ${LONGEST_TTL_HOURS} hours, whatever the clock says`, async () => {
    await machine.tag('expires', machine.time(MINUTE));
    machine.jump(-TEN_YEARS);
    await machine.look();
    machine.pass(LONGEST_TTL_HOURS * HOUR - 1);
    expect((await machine.look()).stopped).toBe(false);
    machine.pass(1);
    expect((await machine.look()).stopped).toBe(true);
    const script = await readFile(join(projectFolder(), 'src/dev-host/watch/ecs-host-dev-watch'), 'utf8');
    expect(script).toContain(`\nLONGEST_S=${LONGEST_TTL_HOURS * HOUR} `);
  });

  test('that was over before the machine ran leaves ten minutes to extend it', async () => {
    await machine.tag('expires', machine.time(-HOUR));
    expect(await machine.stopsAfter(15)).toBe(10);
    const other = await WatchedMachine.start();
    await other.tag('expires', other.time(-HOUR));
    await other.look();
    await other.tag('expires', other.time(20 * MINUTE));
    expect(await other.stopsAfter(30)).toBe(20);
  });

  test('holds where nothing can be remembered', async () => {
    machine.pass(HOUR);
    await machine.tag('expires', machine.time(2 * MINUTE));
    await machine.noMemory();
    expect(await machine.stopsAfter(10)).toBe(2);
  });

  test('holds when what is remembered is damaged', async () => {
    await machine.tag('expires', machine.time(2 * MINUTE));
    await machine.look();
    for (const name of ['first', 'deadline', 'sample', 'used', 'tag-expires', 'warned'])
      await machine.file(`run/ecs-host-dev/${name}`, 'x 08 -1 \0 $(reboot)');
    expect(await machine.stopsAfter(10)).toBe(2);
  });

  test('is told to everybody ten minutes before, and again when it has moved', async () => {
    await machine.tag('expires', machine.time(12 * MINUTE));
    await machine.look();
    machine.pass(1 * MINUTE);
    expect((await machine.look()).walls).toEqual([]);
    machine.pass(1 * MINUTE);
    await machine.look();
    machine.pass(1 * MINUTE);
    expect((await machine.look()).walls).toEqual([expect.stringContaining('stops by itself in 10 minutes')]);
    await machine.tag('expires', machine.time(30 * MINUTE));
    expect((await machine.look()).walls).toHaveLength(1);
    machine.pass(25 * MINUTE);
    expect((await machine.look()).walls).toEqual([expect.anything(), expect.stringContaining('in 5 minutes')]);
  });
});

describe('a machine that nobody uses', () => {
  beforeEach(async () => {
    await machine.tag('expires', machine.time(48 * HOUR));
    await machine.tag('idle-minutes', '5');
    await machine.processes(['sshd: /usr/sbin/sshd -D [listener] 0 of 10-100 startups', '/usr/bin/dockerd', 'sh']);
  });

  test('stops after the time that it may be idle, and says why', async () => {
    expect(await machine.stopsAfter(10)).toBe(5);
    expect((await machine.look()).said).toContain('nobody has used it for 5 minutes');
  });

  test('never stops for it when the time is 0; the tag goes before the file', async () => {
    await machine.file('var/lib/ecs-host-dev/idle-minutes', '1');
    await machine.tag('idle-minutes', '0');
    expect(await machine.stopsAfter(30)).toBeNull();
  });

  test.for(['', '-5', '5m', '08', '99999999999999999999'])('goes by the file when the tag says %j', async (garbage) => {
    await machine.tag('idle-minutes', garbage);
    await machine.file('var/lib/ecs-host-dev/idle-minutes', '3\n');
    expect(await machine.stopsAfter(10)).toBe(3);
  });

  test('has an hour when nothing says how long', async () => {
    await machine.untag('idle-minutes');
    await machine.file('var/lib/ecs-host-dev/idle-minutes', 'often');
    await machine.look();
    machine.pass(HOUR - 1);
    expect((await machine.look()).stopped).toBe(false);
    machine.pass(1);
    expect((await machine.look()).stopped).toBe(true);
  });

  test('stops as well when the clock jumps, either way', async () => {
    await machine.tag('expires', machine.time(2 * TEN_YEARS));
    await machine.look();
    machine.jump(-TEN_YEARS);
    expect(await machine.stopsAfter(2)).toBeNull();
    machine.jump(TEN_YEARS);
    expect(await machine.stopsAfter(10)).toBe(2);
  });

  test.for([
    'sshd: admin@pts/0',
    'sshd: admin@notty',
    'sshd: admin',
    'sshd-session: admin@pts/3',
    '/usr/bin/ssm-session-worker user-0123 i-0',
  ])('is used as long as there is %j', async (process) => {
    await machine.processes([process]);
    expect(await machine.stopsAfter(10)).toBeNull();
    await machine.processes([]);
    expect(await machine.stopsAfter(10)).toBe(4);
  });

  test.for(['sshd: unknown [net]', 'sshd: root [priv]', 'sshd: [accepted]', 'vim sshd: notes', 'ssm-agent-worker'])(
    'is not used by %j',
    async (process) => {
      await machine.processes([process]);
      expect(await machine.stopsAfter(10)).toBe(5);
    },
  );

  test.for(['apt-get', 'dpkg', 'cloud-init'])('is used while %s runs', async (name) => {
    await machine.processes([name]);
    expect(await machine.stopsAfter(10)).toBeNull();
  });

  test('is used when it computes: a tenth of a processor, and not a twentieth', async () => {
    expect(await machine.stopsAfter(10, { cpuSeconds: 6 })).toBeNull();
    expect(await machine.stopsAfter(10, { cpuSeconds: 3 })).not.toBeNull();
  });

  test('is used when it streams, and not by chatter, nor by what its containers say to each other', async () => {
    expect(await machine.stopsAfter(10, { bytes: 600_000 })).toBeNull();
    expect(await machine.stopsAfter(10, { bytes: 200_000 })).not.toBeNull();
  });

  test.for([
    ['50, 0', null],
    ['0, 50', null],
    ['1, 0', 5],
    ['[N/A], [N/A]', 5],
  ] as const)('with a GPU at %s stops after %s', async ([line, minutes]) => {
    await machine.gpu(line);
    expect(await machine.stopsAfter(10)).toBe(minutes);
  });

  test('is no reason to stop what cannot be looked at', async () => {
    await machine.breakPgrep();
    expect(await machine.stopsAfter(10)).toBeNull();
  });

  test('never stops for it where nothing can be remembered', async () => {
    await machine.noMemory();
    expect(await machine.stopsAfter(10)).toBeNull();
  });
});
