import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { sweepLab } from '../../lab/machines/sweep.ts';
import { type LabPaths, labPaths } from '../../lab/paths.ts';
import { sharedTempFolder } from '../support/temp-folder.ts';
import {
  type MachineLab,
  machineSideLeftovers,
  outerControlGroups,
  SSH_ALONE,
  shell,
  startMachineLab,
} from './machine-lab.ts';

/**
 * Real machines: boot, log in, metadata, Docker, reboot, packet filter, power-off, and what is left afterwards. A
 * network of its own, so that it can run beside a lab that is up.
 */
const ONE = 'i-0000000000000e2e1';
const TWO = 'i-0000000000000e2e2';
const KILLED = 'i-0000000000000e2e3';

const folder = sharedTempFolder();
let keyFile: string;
let lab: MachineLab;
let paths: LabPaths;
let one: ReturnType<typeof shell>;
let oneAddress: string;
let outerGroupsBefore: string[];
const exits: string[] = [];

beforeAll(async () => {
  keyFile = join(folder, 'key');
  await execa('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', keyFile]);
  process.env['ECS_HOST_STATE'] = join(folder, 'state');
  process.env['ECS_HOST_LAB_NETWORK'] = '10.81';
  await mkdir(join(folder, 'state'));
  paths = await labPaths();
  outerGroupsBefore = await outerControlGroups();
  lab = await startMachineLab(keyFile);
  lab.machines.onExit((instanceId, how) => exits.push(`${instanceId} ${how}`));
});

afterAll(async () => {
  await lab?.close();
});

async function timed(what: string, work: () => Promise<unknown>): Promise<number> {
  const begun = performance.now();
  await work();
  const took = Math.round(performance.now() - begun);
  console.log(`${what}: ${took} ms`);
  return took;
}

async function status(url: string): Promise<string> {
  return (await execa('curl', ['-s', '-m', '2', '-o', '/dev/null', '-w', '%{http_code}', url], { reject: false }))
    .stdout;
}

test('a machine boots from the base image, takes its user data and lets its key in', async () => {
  await timed('disk, start and init', async () => {
    oneAddress = await lab.launch(ONE, {
      userData: Buffer.from('#cloud-config\nwrite_files:\n  - path: /etc/from-user-data\n    content: hello\n'),
    });
  });
  one = shell(oneAddress, keyFile);
  await timed('init to ssh', () => one.untilUp());
  expect(await one.run('cat /etc/from-user-data')).toBe('hello');
  expect(await one.run('cloud-init status --wait')).toContain('done');
  expect(await one.run('systemctl is-system-running --wait')).toBe('running');
  expect(await one.run('df -BG --output=size / | tail -1')).toMatch(/3[12]G/);
  expect(await lab.machines.consoleOutput(ONE)).toContain('cloud-init');
});

test('its name is known without a name server, and a name that nobody knows fails at once', async () => {
  expect(await one.run('hostname')).toBe(`ip-${oneAddress.replaceAll('.', '-')}`);
  expect(await timed('ssh and sudo', () => one.run('sudo true'))).toBeLessThan(3000);
  expect(await timed('a name that nobody knows', () => one.try('getent hosts nowhere.example'))).toBeLessThan(3000);
});

test('nothing outside the lab can be reached', async () => {
  expect((await one.try('ping -c 1 -W 1 192.0.2.1')).exitCode).not.toBe(0);
  expect((await one.try(`curl -s -m 2 http://${oneAddress.replace(/\d+\.\d+$/, '255.1')}:22`)).exitCode).not.toBe(0);
});

const PUT_TOKEN =
  "curl -s -m 2 -X PUT http://169.254.169.254/latest/api/token -H 'X-aws-ec2-metadata-token-ttl-seconds: 60'";

test('Docker runs, builds, limits and publishes', async () => {
  await timed('apt-get update and docker.io', () =>
    one.run(`sudo apt-get -qq update &&
      sudo DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends docker.io >/dev/null`),
  );
  expect(await one.run("sudo docker info --format '{{.Driver}}'")).toBe('overlay2');
  await one.run(`cd / &&
    sudo tar -c bin sbin lib lib64 usr/bin usr/sbin usr/lib64 etc \\
      usr/lib/x86_64-linux-gnu usr/lib/python3 usr/lib/python3.11 |
    sudo docker import - lab/base >/dev/null`);
  await timed('docker run', async () =>
    expect(await one.run('sudo docker run --rm lab/base echo hello')).toBe('hello'),
  );
  await one.run(`mkdir -p b
cat >b/Dockerfile <<'EOS'
FROM lab/base
RUN echo built >/marker
CMD cat /marker
EOS
sudo docker build -q -t lab/two b`);
  expect(await one.run('sudo docker run --rm lab/two')).toBe('built');
  const hungry = await one.try(
    'sudo docker run --rm --memory 32m --cpus 0.5 --pids-limit 20 lab/base python3 -c "bytearray(200 * 1024 ** 2)"',
  );
  expect(hungry.exitCode).toBe(137);
  await one.run('sudo docker run -d --restart always --name web -p 8080:8000 lab/base python3 -m http.server 8000');
});

test('the answer to a token request goes no further than the hop limit; other answers do', async () => {
  const token = await one.run(PUT_TOKEN);
  expect(token.length).toBeGreaterThan(40);
  expect((await one.try(`sudo docker run --rm lab/base ${PUT_TOKEN}`)).exitCode).toBe(28);
  const instanceId = 'http://169.254.169.254/latest/meta-data/instance-id';
  const read = `curl -s -m 2 ${instanceId} -H 'X-aws-ec2-metadata-token: ${token}'`;
  expect(await one.run(`sudo docker run --rm lab/base ${read}`)).toBe(ONE);
});

test('security groups open and close ports, for outside and for other machines', async () => {
  const page = `http://${oneAddress}:8080/`;
  const twoAddress = await lab.launch(TWO);
  const two = shell(twoAddress, keyFile);
  await two.untilUp();
  const fromTwo = async () => (await two.try(`curl -s -m 2 -o /dev/null -w '%{http_code}' ${page}`)).stdout;
  expect(await one.run('cat /etc/machine-id /etc/ssh/ssh_host_ed25519_key.pub')).not.toBe(
    await two.run('cat /etc/machine-id /etc/ssh/ssh_host_ed25519_key.pub'),
  );
  expect([await status(page), await fromTwo()]).toEqual(['000', '000']);
  const web = (cidr: string) => [
    ...SSH_ALONE,
    { id: 'sg-2', name: 'web', ingress: [{ protocol: 'tcp' as const, fromPort: 8080, toPort: 8080, cidr }] },
  ];
  await lab.machines.setIngress(ONE, web('0.0.0.0/0'));
  expect([await status(page), await fromTwo()]).toEqual(['200', '200']);
  await lab.machines.setIngress(ONE, web(`${twoAddress}/32`));
  expect([await status(page), await fromTwo()]).toEqual(['000', '200']);
});

test('a machine cannot speak with the address of another', async () => {
  const two = shell((await lab.machines.allocateAddress(TWO)).address, keyFile);
  await two.run('sudo ip address add 10.81.9.9/32 dev ens5');
  expect((await two.try(`curl -s -m 2 --interface 10.81.9.9 http://10.78.0.1/debian/`)).exitCode).toBe(28);
});

test('a reboot inside comes back as the same machine, with its containers', async () => {
  const before = await one.run('cat /etc/machine-id /proc/sys/kernel/random/boot_id');
  await timed('reboot to ssh', async () => {
    await one.try('sudo systemctl reboot');
    await new Promise((resolve) => setTimeout(resolve, 1000));
    await one.untilUp();
  });
  const after = await one.run('cat /etc/machine-id /proc/sys/kernel/random/boot_id');
  expect(after.split('\n')[0]).toBe(before.split('\n')[0]);
  expect(after.split('\n')[1]).not.toBe(before.split('\n')[1]);
  expect(lab.machines.status(ONE)).toBe('running');
  await expect
    .poll(async () => (await one.try('curl -s -m 1 -o /dev/null -w "%{http_code}" http://127.0.0.1:8080/')).stdout, {
      timeout: 20_000,
    })
    .toBe('200');
});

test('power-off inside is reported, and the machine starts again; a stop is not reported', async () => {
  await one.try('sudo systemctl poweroff');
  await expect.poll(() => exits, { timeout: 20_000 }).toEqual([`${ONE} shutdown`]);
  expect(lab.machines.status(ONE)).toBe('stopped');
  expect(await machineSideLeftovers(paths, { instanceId: ONE })).toEqual([
    expect.stringMatching(/loop: .*e2e2\.raw/),
    expect.stringMatching(/link: .* m-/),
  ]);
  await lab.machines.start(lab.specOf(ONE));
  // Its boot is in the journal: a machine that has started is ready to hear.
  await timed('stop right after start', () => lab.machines.stop(ONE, { force: false }));
  await timed('start to ssh', async () => {
    await lab.machines.start(lab.specOf(ONE));
    await one.untilUp();
  });
  expect(await one.run('sudo journalctl --list-boots | wc -l')).toBe('5');
  await timed('stop', () => lab.machines.stop(ONE, { force: false }));
  expect(exits).toHaveLength(1);
});

test('a snapshot of a stopped machine is another machine', async () => {
  await timed('snapshot', () => lab.disks.createSnapshot('snap-one', lab.specOf(ONE).diskId));
  await timed('volume', () => lab.disks.createFromSnapshot('vol-from-one', 'snap-one', 40));
  await lab.disks.removeDisk('vol-from-one');
  await lab.disks.removeSnapshot('snap-one');
});

test('terminated machines leave nothing', async () => {
  for (const instanceId of [ONE, TWO]) {
    await timed('terminate', () => lab.machines.terminate(instanceId));
    await lab.disks.removeDisk(lab.specOf(instanceId).diskId);
    expect(lab.machines.status(instanceId)).toBe('gone');
    expect(await machineSideLeftovers(paths, { instanceId })).toEqual(
      instanceId === ONE ? [expect.stringMatching(/loop: .*e2e2/), expect.stringMatching(/link: /)] : [],
    );
  }
  expect((await readdir(paths.machines)).toSorted()).toEqual(['addresses.json', 'console']);
  expect(await outerControlGroups()).toEqual(outerGroupsBefore);
  expect(await lab.machines.consoleOutput(ONE)).not.toBe('');
  await lab.close();
  expect(await machineSideLeftovers(paths)).toEqual([]);
});

test('after kill -9 of the daemon a sweep finds and ends everything', async () => {
  const daemon = execa(
    process.execPath,
    [fileURLToPath(new URL('machine-lab-process.ts', import.meta.url)), keyFile, KILLED],
    {
      reject: false,
      stderr: 'inherit',
    },
  );
  await new Promise<void>((resolve, reject) => {
    daemon.stdout.on('data', (chunk: Buffer) => String(chunk).startsWith('up ') && resolve());
    void daemon.then(() => reject(new Error('the lab ended')));
  });
  expect(await machineSideLeftovers(paths)).toContainEqual(expect.stringMatching(/^loop: .*vol-data\.raw/));
  daemon.kill('SIGKILL');
  await daemon;
  // One that does not go with its machine, as between two steps of its start.
  await execa('losetup', ['--find', join(paths.disks, 'vol-data.raw')]);
  await timed('sweep', async () => expect((await sweepLab(paths)).machines).toEqual([KILLED]));
  expect(await machineSideLeftovers(paths)).toEqual([]);
  expect((await sweepLab(paths)).machines).toEqual([]);
});
