import { createReadStream } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { loadConfig } from '../../src/config/load.ts';
import { projectFolder } from '../../src/io/paths.ts';
import { profileNamed } from '../../src/plan/resolve.ts';
import { writeScripts } from '../../src/setup-scripts/write-scripts.ts';
import { sharedTempFolder } from '../support/temp-folder.ts';
import { type MachineLab, shell, startMachineLab } from './machine-lab.ts';

/** Set-up scripts on fresh machines: one for development, by a user with sudo, and one for a host, by root itself. */
const DEVELOPMENT = { id: 'i-0000000000005c1e1', script: 'setup_debian12_host' };
const HOST = { id: 'i-0000000000005c1e2', script: 'setup_debian12_ami_host' };

const folder = sharedTempFolder();
let lab: MachineLab;
let keyFile: string;
let dev: Machine;
let host: Machine;

type Machine = ReturnType<typeof shell> & { readonly address: string; readonly script: string };

/** Bytes to a file of the machine. */
async function send(address: string, from: string, to: string): Promise<void> {
  const ssh = ['-i', keyFile, '-o', 'BatchMode=yes', '-o', 'StrictHostKeyChecking=no', '-o', 'LogLevel=ERROR'];
  const args = [...ssh, '-o', 'UserKnownHostsFile=/dev/null', `admin@${address}`, `cat >${to} && chmod +x ${to}`];
  await execa('ssh', args, { input: createReadStream(from) });
}

async function boot({ id, script }: typeof HOST): Promise<Machine> {
  const address = await lab.launch(id);
  const machine = shell(address, keyFile);
  await machine.untilUp();
  await machine.run('cloud-init status --wait');
  await send(address, join(folder, 'scripts', script), script);
  await send(address, join(import.meta.dirname, 'scripts', 'kill-at-each-step.sh'), 'kill-at-each-step.sh');
  await send(address, join(import.meta.dirname, 'scripts', 'at-a-terminal.py'), 'at-a-terminal.py');
  return { ...machine, address, script };
}

beforeAll(async () => {
  keyFile = join(folder, 'key');
  await execa('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', keyFile]);
  const { config, file } = await loadConfig(join(projectFolder(), 'hosts.yaml'));
  await writeScripts({
    profiles: { 'cpu-bookworm': profileNamed(config, 'cpu-bookworm', file) },
    configFile: file,
    work: join(folder, 'work'),
    out: join(folder, 'scripts'),
  });
  process.env['ECS_HOST_STATE'] = join(folder, 'state');
  process.env['ECS_HOST_LAB_NETWORK'] = '10.89';
  await mkdir(join(folder, 'state'));
  lab = await startMachineLab(keyFile);
  [dev, host] = await Promise.all([boot(DEVELOPMENT), boot(HOST)]);
});

afterAll(async () => {
  for (const { id } of [DEVELOPMENT, HOST]) await lab?.machines.terminate(id).catch(() => undefined);
  await lab?.close();
});

/** As the login user, who has sudo. */
function asUser({ try: run, script }: Machine, options: string) {
  return run(`./${script} ${options}`);
}

/** As root, who was not called by sudo. */
function asRoot({ try: run, script }: Machine, options: string) {
  return run(`sudo env -u SUDO_USER ./${script} ${options}`);
}

/** Everything that a set-up could have changed, in one text. */
function fingerprint({ run }: Machine): Promise<string> {
  return run(
    'sudo find /etc /opt /usr/local /var/lib/dpkg/status /var/log/ecs-host-setup.log ' +
      '-printf "%p %T@ %s %m\\n" 2>/dev/null' +
      ' | sort; ls /var/tmp; systemctl list-unit-files --no-pager --type=service,socket,timer',
  );
}

describe('before anything is changed', () => {
  test('--dry-run says of each step what it would do, and does nothing', async () => {
    const before = await fingerprint(dev);
    const { exitCode, stdout } = await asUser(dev, '--dry-run');
    expect({ exitCode, stdout }).toMatchObject({ exitCode: 0 });
    expect(stdout).toMatch(/^ {2}install packages +would change$/m);
    expect(stdout).toMatch(/^ {2}configure +looks first$/m);
    expect(stdout).toMatch(/^Nothing was changed\.$/m);
    expect(await fingerprint(dev)).toBe(before);
  });

  test('without a terminal and without --yes it is refused', async () => {
    const { exitCode, stderr } = await asUser(dev, '--only base');
    expect({ exitCode, stderr }).toEqual({ exitCode: 2, stderr: expect.stringContaining('Give --yes') });
  });

  test('an altered payload, a download that was cut off, and a pipe are refused', async () => {
    const { script } = dev;
    await dev.run(`cp ${script} altered && printf x | dd of=altered bs=1 seek=20000000 conv=notrunc status=none`);
    await dev.run(`head -c 30000000 ${script} >short && head -c 2000 ${script} >shorter && chmod +x altered short`);
    for (const file of ['altered', 'short']) {
      const { exitCode, stderr } = await dev.try(`./${file} --yes`);
      expect({ file, exitCode, stderr }).toEqual({
        file,
        exitCode: 2,
        stderr: `${script}: this file is not what was made: its download was cut off, or it was altered. Get it again.`,
      });
    }
    expect((await dev.try('sh shorter --yes')).exitCode).not.toBe(0);
    const piped = await dev.try(`head -c 9000 ${script} | sh -s -- --yes`);
    expect(piped.exitCode).toBe(2);
    expect(await dev.run('ls /opt /var/tmp')).not.toMatch(/ecs-host/);
  });

  test('wrong distribution, little room and no network are told at once', async () => {
    await dev.run(`sudo sed -i 's/bookworm/trixie/; s/12 (/13 (/' /usr/lib/os-release`);
    await dev.run('sudo iptables -I OUTPUT -d 10.78.0.1 -j REJECT');
    // What is kept for root is not counted.
    await dev.run('sudo fallocate -l $(($(df --output=avail -B1 / | tail -1) - 700000000)) /filler');
    const { exitCode, stderr } = await asUser(dev, '--yes');
    expect(exitCode).toBe(2);
    expect(stderr).toContain('nothing was changed, because');
    expect(stderr).toMatch(/this is Debian GNU\/Linux 13 \(trixie\), and the script is for Debian bookworm/);
    expect(stderr).toMatch(/^ {2}- \/ has \d+ MiB free, and 1280 MiB are needed$/m);
    expect(stderr).toMatch(/^ {2}- 10\.78\.0\.1, from which something is fetched, cannot be reached: ECONNREFUSED$/m);
    await dev.run('sudo fallocate -l $(($(stat -c %s /filler) + 600000000)) /filler');
    expect((await asUser(dev, '--yes')).stderr).toMatch(/there is no room to unpack it: \/var\/tmp has \d+ MiB/);
    await dev.run(
      `sudo rm /filler; sudo iptables -D OUTPUT 1; sudo sed -i 's/trixie/bookworm/; s/13 (/12 (/' /usr/lib/os-release`,
    );
    expect(await dev.run('ls /opt /var/tmp')).not.toMatch(/ecs-host/);
  });

  test('another run under way is one too many', async () => {
    await dev.run('sudo sh -c "flock /run/ecs-host-setup.lock sleep 60 >/dev/null 2>&1 &"');
    const { exitCode, stderr } = await asUser(dev, '--yes');
    expect({ exitCode, stderr }).toEqual({ exitCode: 2, stderr: expect.stringContaining('another run of this') });
    await dev.run('sudo kill $(pgrep -x sleep)');
  });

  test('a part that there is not, and an option that there is not, are mistakes', async () => {
    expect((await asUser(dev, '--only dokcer')).stderr).toContain(
      'there is no part dokcer; the parts are base, docker',
    );
    expect((await asUser(dev, '--onyl base')).exitCode).toBe(2);
  });
});

/** With a terminal, where each text is answered in turn. */
function atATerminal({ try: run }: Machine, prefix: string, answers: readonly string[], command: string) {
  return run(`${prefix} python3 ./at-a-terminal.py ${answers.map((word) => `'${word}'`).join(' ')} -- ${command}`);
}

test('a user is asked for the password, and then whether to go on; --only does one part', async () => {
  await dev.run('sudo useradd --create-home --groups sudo dev && echo dev:secret | sudo chpasswd');
  await dev.run(`sudo cp ${dev.script} at-a-terminal.py /home/dev`);
  const answered = (word: string) =>
    atATerminal(
      dev,
      'cd /home/dev && sudo -u dev',
      ['assword', 'secret', '[y/N]', word],
      `./${dev.script} --only base`,
    );
  const no = await answered('n');
  expect(no).toMatchObject({ exitCode: 2, stdout: expect.stringContaining('Nothing was changed.') });
  const yes = await answered('y');
  expect(yes).toMatchObject({ exitCode: 0, stdout: expect.stringContaining('dev joins group docker') });
  expect(yes.stdout).toMatch(/^base\s*$/m);
  expect(yes.stdout).not.toMatch(/^docker\s*$/m);
  expect((await dev.try('ls /usr/sbin/dockerd')).exitCode).not.toBe(0);
});

test('Ctrl-C ends it, says where, and leaves no folder', async () => {
  const { exitCode, stdout } = await atATerminal(
    host,
    '',
    ['[y/N]', 'y', 'package lists', '^C'],
    `./${host.script} --reboot`,
  );
  expect({ exitCode, stdout }).toMatchObject({ exitCode: 130 });
  expect(stdout).toMatch(/Interrupted in packages: package lists\. Run it again: what is done stays done\./);
  expect(await host.run('ls /var/tmp')).not.toContain('ecs-host-setup');
});

/** Of the development host, the parts that are its own: the others are the same, and killed on the host. */
const OWN_PARTS = '--only base,docker,development';

test('killed in each step, the next run goes on from there, and the last one completes', async () => {
  const [ofDev, ofHost] = await Promise.all([
    dev.run(`sudo bash kill-at-each-step.sh ./${dev.script} 10 ${OWN_PARTS}`),
    host.run(`sudo bash kill-at-each-step.sh ./${host.script} 1`),
  ]);
  const killed = {
    ofDev: ['packages', 'docker', 'development'],
    ofHost: [
      ...['earlier runs', 'programs', 'base', 'packages', 'docker', 'ecs-agent', 'host-service'],
      // What comes after is over before anything can be killed in it.
      ...['imds-block', 'limits'],
    ],
  };
  for (const text of [ofDev, ofHost]) expect(text).toMatch(/^completed with 0, and \d\d were killed$/m);
  for (const part of killed.ofDev) expect(ofDev).toMatch(new RegExp(`^killed in ${part}: `, 'm'));
  for (const part of killed.ofHost) expect(ofHost).toMatch(new RegExp(`^killed in ${part}: `, 'm'));
});

describe('a machine that was set up', () => {
  test('for development: Docker runs, its user may use it, and a second run changes nothing', async () => {
    expect((await asUser(dev, '--yes')).exitCode).toBe(0);
    const { exitCode, stdout, stderr } = await asUser(dev, '--yes');
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
    expect(stdout).toMatch(/^0 steps changed something, \d+ did not; \d+ checks hold, 0 do not/m);
    expect(await dev.run("docker info --format '{{.Driver}}'")).toBe('overlay2');
    expect(await dev.run('ls /var/tmp /usr/sbin/policy-rc.d 2>&1 || true')).not.toMatch(/ecs-host-setup|^\/usr\/sbin/m);
  });

  test('for development: containers become ready, also after a restart of Docker', async () => {
    const files = 'bin/sleep lib64/ld-linux-x86-64.so.2 lib/x86_64-linux-gnu/libc.so.6';
    await dev.run(`cd / && tar -ch ${files} | docker import - base >/dev/null`);
    const start = (name: string): string =>
      `sudo install -d /var/lib/ecs-host/containers/${name} && ` +
      `docker run -d --stop-signal KILL --name ${name} base sleep 1000 >/dev/null`;
    const untilReady = (name: string): string =>
      `for i in $(seq 100); do [ -e /var/lib/ecs-host/containers/${name}/.ready ] && exit; sleep 0.1; done; exit 1`;
    await dev.run(`${start('one')} && ${untilReady('one')}`);
    await dev.run(`sudo systemctl restart docker && ${start('two')} && ${untilReady('two')}`);
    // Somebody who stops Docker finds it stopped.
    await dev.run(
      'sudo systemctl stop docker && sleep 3 && ! systemctl is-active docker && sudo systemctl start docker',
    );
  });

  test('for a host: the gate is shut, and a second run, by root itself, changes nothing', async () => {
    const { exitCode, stdout, stderr } = await asRoot(host, '--yes');
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
    expect(stdout).toMatch(/^0 steps changed something, \d+ did not; \d+ checks hold, 0 do not/m);
    expect(stdout).toContain('admin joins group docker.');
    expect(stdout).toContain('It needs a reboot: the host service begins with a boot.');
    expect(await host.run('systemctl is-active docker ecs || true')).toBe('inactive\ninactive');
    expect((await host.try('sudo systemctl start docker')).exitCode).not.toBe(0);
    expect(await host.run('ls .ssh/authorized_keys')).not.toBe('');
  });

  test('--skip leaves parts out', async () => {
    const { exitCode, stdout } = await asUser(dev, '--yes --skip docker,development');
    expect(exitCode).toBe(0);
    expect(stdout.split('\n').filter((line) => /^[a-z]/.test(line))).toEqual(
      expect.arrayContaining(['base', 'limits', 'user-tools']),
    );
    expect(stdout).not.toMatch(/^(docker|development)$/m);
  });

  test('a host becomes a development host by one part, and a host again', async () => {
    await send(host.address, join(folder, 'scripts', DEVELOPMENT.script), DEVELOPMENT.script);
    const taken = await asUser({ ...host, script: DEVELOPMENT.script }, '--yes --only development');
    expect({ exitCode: taken.exitCode, stderr: taken.stderr }).toEqual({ exitCode: 0, stderr: '' });
    expect(await host.run("docker info --format '{{.Driver}}'")).toBe('overlay2');
    expect(await host.run('dpkg-divert --list "*runc*"; ls /etc/systemd/system/docker.service.d')).not.toMatch(
      /gate|runc/,
    );
    const back = await asRoot(host, '--yes');
    expect({ exitCode: back.exitCode, stderr: back.stderr }).toEqual({ exitCode: 0, stderr: '' });
    expect(await host.run('systemctl is-active docker ecs-host-dev || true')).toBe('inactive\ninactive');
    expect((await host.try('sudo systemctl start docker')).exitCode).not.toBe(0);
  });
});

describe("the original scripts' defects are none of a host's that was set up", () => {
  test('defect 1: the socket was left enabled and woke Docker; both are disabled, and neither is masked', async () => {
    expect(await host.run('systemctl is-enabled docker docker.socket containerd || true')).toBe(
      'disabled\ndisabled\ndisabled',
    );
    expect((await host.try('sudo docker info')).exitCode).not.toBe(0);
    expect(await host.run('systemctl is-active docker docker.socket || true')).toBe('inactive\ninactive');
  });

  test('defect 2: the host service required Docker, and so started it before the handshake', async () => {
    expect(await host.run('systemctl show --property=Requires,Wants,BindsTo,After ecs-host')).not.toMatch(/docker/);
  });

  test('defect 3: the agent was enabled without being started, and started without a handshake', async () => {
    expect(await host.run('systemctl is-enabled ecs || true')).toBe('disabled');
    expect((await host.try('sudo systemctl start ecs')).exitCode).not.toBe(0);
  });

  test('defect 7: it copied from a relative folder; here it runs from any, and from a read-only one', async () => {
    const { exitCode } = await host.try(`cd /proc && sudo ~/${host.script} --yes --only limits`);
    expect(exitCode).toBe(0);
  });

  test('defect 12: nothing that it installed asks version 1 of the metadata service', async () => {
    const { stdout } = await host.try(
      "grep -rlI 'latest/meta-data' /opt/ecs-host/bin /etc/ecs-host /etc/systemd/system --exclude=node | " +
        'xargs -r grep -L token',
    );
    expect(stdout).toBe('');
  });
});

test('--yes alone does not reboot, --reboot does; then it is a host that waits for its configuration', async () => {
  const bootId = () => host.try('cat /proc/sys/kernel/random/boot_id');
  const before = (await bootId()).stdout;
  const { exitCode, stdout } = await asUser(host, '--yes --only limits');
  expect({ exitCode, stdout }).toMatchObject({ exitCode: 0, stdout: expect.stringContaining('Reboot it when') });
  expect((await bootId()).stdout).toBe(before);
  await asUser(host, '--yes --reboot --only limits');
  await expect.poll(async () => (await bootId()).stdout, { timeout: 60_000 }).toMatch(/^[0-9a-f-]{36}$/);
  await expect.poll(async () => (await bootId()).stdout !== before, { timeout: 60_000 }).toBe(true);
  await host.untilUp();
  expect(await host.run('systemctl is-active ecs-host docker || true')).toBe('active\ninactive');
  expect((await asUser(host, '--yes --only host-service')).stdout).not.toContain('It needs a reboot');
});
