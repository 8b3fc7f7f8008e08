/**
 * Ways in which a careless change, or somebody who got into a bake, alters an image: a line for root's shell, and the
 * paths that an audit has to name. They are done after the image was cleaned.
 */
export type Alteration = { readonly what: string; readonly line: string; readonly paths: readonly string[] };

function adds(path: string, content: string, mode = '0644'): Alteration {
  const folder = path.slice(0, path.lastIndexOf('/'));
  const line = `mkdir -p '${folder}' && printf '%s\\n' '${content}' >'${path}' && chmod ${mode} '${path}'`;
  return { what: `adds ${path}`, line, paths: [path] };
}

function appends(path: string, content: string): Alteration {
  return { what: `changes ${path}`, line: `printf '%s\\n' '${content}' >>'${path}'`, paths: [path] };
}

const LINE = 'b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQAAAAAAAAABAAAAMwAAAAtzc2gtZW';
const KEY = `-----BEGIN OPENSSH PRIVATE KEY-----\n${`${LINE}\n`.repeat(5)}-----END OPENSSH PRIVATE KEY-----`;
const UNIT = '[Service]\nExecStart=/bin/true';

/** What also shows on a booted host, with the check that has to say so. */
export const SEEN_BOOTED: readonly (Alteration & { readonly check: string })[] = [
  {
    what: 'leaves a key of who baked it',
    line: `install -d -m 0700 /root/.ssh
key=AAAAC3NzaC1lZDI1NTE5AAAAIJmKd3mIhnYJ1Qdj8bXvhS2qYJm1hCfxYl0pZ0cA1dXh
echo "ssh-ed25519 $key left@behind" >/root/.ssh/authorized_keys`,
    paths: ['/root/.ssh/authorized_keys'],
    check: 'booted.clean.no-ssh-keys',
  },
  {
    what: 'lets systemd start Docker for whoever connects',
    line: 'systemctl enable docker.socket',
    paths: ['/etc/systemd/system/sockets.target.wants/docker.socket'],
    check: 'gate.docker-socket-disabled',
  },
  {
    what: 'started the agent in the bake',
    line: `mkdir -p /var/lib/ecs/data
cat >/var/lib/ecs/data/agent.db <<'EOS'
{
  "cluster": "bake",
  "containerInstanceArn": "arn:aws:ecs:us-west-2:123456789012:container-instance/bake/0",
  "clientToken": "x"
}
EOS
touch -d '2 hours ago' /var/lib/ecs/data/agent.db`,
    paths: ['/var/lib/ecs/data/agent.db'],
    check: 'booted.ecs-agent.never-started',
  },
];

export const ALTERATIONS: readonly Alteration[] = [
  ...SEEN_BOOTED,
  // Ways in.
  adds(
    '/home/admin/.aws/credentials',
    `[default]\naws_access_key_id = AKIAQYLPMN5HHHFPZAM2\naws_secret_access_key = ${'aB3dE5fG7h'.repeat(4)}`,
    '0600',
  ),
  adds('/etc/ssl/private/server.key', KEY, '0600'),
  {
    what: 'adds a user with a password who may do everything',
    line: `useradd -m second && echo 'second:secret' | chpasswd`,
    paths: ['/etc/passwd', '/etc/shadow', '/etc/group', '/etc/gshadow', '/home/second/.bashrc'],
  },
  adds('/etc/sudoers.d/second', 'second ALL=(ALL) NOPASSWD:ALL', '0440'),
  adds('/etc/ssh/sshd_config.d/00-open.conf', 'PasswordAuthentication yes\nPermitRootLogin yes'),
  adds('/etc/ssh/ssh_host_ed25519_key', KEY, '0600'),
  adds(
    '/root/.ssh/authorized_keys2',
    'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJmKd3mIhnYJ1Qdj8bXvhS2qYJm1hCfxYl0pZ0cA1dXh',
  ),
  appends('/etc/pam.d/sshd', 'auth sufficient pam_permit.so'),
  appends('/etc/hosts.allow', 'ALL: ALL'),
  adds('/etc/polkit-1/rules.d/00-all.rules', 'polkit.addRule(() => polkit.Result.YES);'),
  adds('/usr/share/dbus-1/system.d/second.conf', '<busconfig/>'),
  // What runs.
  adds(
    '/etc/systemd/system/docker.service.d/90-open.conf',
    '[Service]\nEnvironment="DOCKER_OPTS=-Htcp://0.0.0.0:2375 --tls=false"',
  ),
  adds('/etc/systemd/system/beacon.service', UNIT),
  {
    what: 'enables a unit of a package',
    line: `mkdir -p /etc/systemd/system/x.target.wants
ln -s /lib/systemd/system/rsync.service /etc/systemd/system/x.target.wants/`,
    paths: ['/etc/systemd/system/x.target.wants/rsync.service'],
  },
  adds('/usr/lib/systemd/system-generators/beacon', '#!/bin/sh', '0755'),
  adds('/etc/cron.d/beacon', '* * * * * root /bin/true'),
  adds('/var/spool/cron/crontabs/root', '* * * * * /bin/true', '0600'),
  adds('/etc/rc.local', '#!/bin/sh', '0755'),
  adds('/etc/init.d/beacon', '#!/bin/sh', '0755'),
  adds('/etc/profile.d/beacon.sh', 'export LD_PRELOAD=/usr/lib/x.so'),
  appends('/etc/bash.bashrc', 'alias sudo=true'),
  appends('/root/.bashrc', 'alias ls=true'),
  adds('/etc/skel/.beacon', 'x'),
  appends('/etc/environment', 'LD_LIBRARY_PATH=/tmp'),
  // A library that is there: without it no program says what others expect of it, and Docker waits in vain.
  adds('/etc/ld.so.preload', '/lib/x86_64-linux-gnu/libdl.so.2'),
  adds('/etc/ld.so.conf.d/00-beacon.conf', '/tmp'),
  adds('/usr/lib/python3/dist-packages/beacon.pth', 'import os'),
  adds('/etc/udev/rules.d/99-beacon.rules', 'RUN+="/bin/true"'),
  adds('/etc/modprobe.d/beacon.conf', 'install ext4 /bin/true'),
  adds('/etc/modules-load.d/beacon.conf', 'beacon'),
  adds('/etc/sysctl.d/99-beacon.conf', 'kernel.core_pattern=|/bin/true'),
  adds('/etc/tmpfiles.d/beacon.conf', 'f /root/x'),
  // Trust.
  adds('/etc/apt/sources.list.d/beacon.list', 'deb http://10.0.0.1/ /'),
  adds('/etc/apt/trusted.gpg.d/beacon.asc', 'x'),
  adds('/etc/apt/apt.conf.d/99beacon', 'APT::Update::Pre-Invoke {"true";};'),
  adds('/usr/local/share/ca-certificates/beacon.crt', '-----BEGIN CERTIFICATE-----'),
  appends('/etc/ssl/certs/ca-certificates.crt', '-----BEGIN CERTIFICATE-----'),
  appends('/etc/nsswitch.conf', 'hosts: files'),
  appends('/etc/hosts', '10.0.0.1 webserver'),
  // What belongs to one host.
  {
    what: 'fixes the machine id',
    line: 'echo 0123456789abcdef0123456789abcdef >/etc/machine-id',
    paths: ['/etc/machine-id'],
  },
  adds('/etc/ecs/ecs.config', 'ECS_CLUSTER=production'),
  adds('/etc/ecs-host/host.json', '{"version":1,"webserverUrl":"https://10.0.0.1"}'),
  adds('/etc/hostname', 'production'),
  adds('/var/lib/cloud/seed/nocloud/user-data', '#!/bin/sh'),
  adds('/etc/cloud/cloud.cfg.d/99-beacon.cfg', 'runcmd: [true]'),
  adds('/var/log/journal/0123456789abcdef0123456789abcdef/system.journal', 'x'),
  adds('/var/log/beacon.log', 'not empty'),
  // What is there already, otherwise.
  appends('/usr/bin/jq', 'x'),
  appends('/usr/bin/find', 'x'),
  {
    what: 'changes a file of a package and its checksum with it',
    line: `echo '# x' >>/usr/share/perl5/Git.pm
sum=$(md5sum </usr/share/perl5/Git.pm | cut -c1-32)
sed -i "s|^[0-9a-f]* \\( usr/share/perl5/Git.pm\\)|$sum \\1|" /var/lib/dpkg/info/git.md5sums`,
    paths: ['/var/lib/dpkg/info/git.md5sums'],
  },
  { what: 'sets setuid', line: 'chmod u+s /usr/bin/rsync', paths: ['/usr/bin/rsync'] },
  {
    what: 'opens a file for others',
    line: 'chmod 0666 /etc/ecs-host/imds-block.nft',
    paths: ['/etc/ecs-host/imds-block.nft'],
  },
  {
    what: 'gives a program away',
    line: 'chown admin /usr/local/bin/ecs-host-status',
    paths: ['/usr/local/bin/ecs-host-status'],
  },
  {
    what: 'gives a capability',
    line: `python3 -c "import os
os.setxattr('/usr/bin/git', 'security.capability', bytes.fromhex('01000002' + '80000000' + '00' * 12))"`,
    paths: ['/usr/bin/git'],
  },
  {
    what: 'adds an attribute',
    line: `python3 -c "import os; os.setxattr('/etc/fstab', 'user.note', b'x')"`,
    paths: ['/etc/fstab'],
  },
  appends('/opt/ecs-host/bin/ecs-hostd.mjs', '// x'),
  appends('/opt/ecs-host/target.json', ' '),
  adds('/opt/ecs-host/bin/beacon.mjs', '0'),
  { what: 'takes the witness away', line: 'cp /usr/sbin/runc.distrib /usr/sbin/runc', paths: ['/usr/sbin/runc'] },
  {
    what: 'changes what Docker does',
    line: `sed -i 's/"live-restore": false/"live-restore": true/' /etc/docker/daemon.json`,
    paths: ['/etc/docker/daemon.json'],
  },
  {
    what: 'removes the gate',
    line: 'rm /etc/systemd/system/docker.service.d/10-ecs-host-gate.conf',
    paths: ['/etc/systemd/system/docker.service.d/10-ecs-host-gate.conf'],
  },
  {
    what: 'removes a program',
    line: 'rm /usr/bin/unxz /usr/bin/lzmainfo',
    paths: ['/usr/bin/unxz', '/usr/bin/lzmainfo'],
  },
  {
    what: 'leads an alternative elsewhere',
    line: 'ln -sfn /tmp/pinentry /etc/alternatives/pinentry',
    paths: ['/etc/alternatives/pinentry'],
  },
  // What is no ordinary file.
  { what: 'adds a device', line: 'mknod /usr/lib/beacon c 1 3', paths: ['/usr/lib/beacon'] },
  { what: 'adds a pipe', line: 'mkfifo /var/lib/beacon', paths: ['/var/lib/beacon'] },
  { what: 'adds a link', line: 'ln -s /tmp/x /usr/local/bin/docker', paths: ['/usr/local/bin/docker'] },
  {
    what: 'adds a second name of a program with setuid',
    line: 'ln /usr/bin/su /usr/local/bin/su2',
    paths: ['/usr/local/bin/su2'],
  },
  { what: 'adds a folder that all may write to', line: 'mkdir -m 0777 /srv/drop', paths: ['/srv/drop'] },
  adds('/srv/.hidden/.x', 'x'),
  { what: 'adds a name of strange bytes', line: `printf x >"/opt/$(printf 'a\\377b')"`, paths: ['/opt/a\\xffb'] },
  {
    what: 'hides a file below a mount point',
    line: `mkdir /mnt/below && mount --bind / /mnt/below
echo x >/mnt/below/dev/hidden && umount /mnt/below && rmdir /mnt/below`,
    paths: ['/dev/hidden'],
  },
  adds('/lost+found/x', 'x'),
  {
    what: 'stores something in the swap file',
    line: `printf secret | dd of=/swapfile bs=1 seek=65536 conv=notrunc status=none`,
    paths: ['/swapfile'],
  },
];

/** What is otherwise from one bake to the next without anybody's fault. */
export const HARMLESS: readonly string[] = [
  // Another day: the archive has other versions, and a package that was not there before.
  'apt-get -qq update',
  'DEBIAN_FRONTEND=noninteractive apt-get -qq -y upgrade >/dev/null',
  'apt-get -qq -y install --reinstall jq >/dev/null',
  'apt-get -qq -y install --no-install-recommends tree >/dev/null',
  'apt-get -qq -y remove tree >/dev/null && apt-get -qq -y install --no-install-recommends less >/dev/null',
  // What programs make again.
  'ldconfig',
  'update-alternatives --set pinentry /usr/bin/pinentry-curses >/dev/null',
  'if command -v update-initramfs >/dev/null && ls /boot/vmlinuz-* >/dev/null 2>&1; then update-initramfs -u; fi',
  'if ls /lib/modules/*/modules.dep >/dev/null 2>&1; then depmod -a "$(ls /lib/modules | tail -n 1)"; fi',
  // Times, and a folder with nothing in it.
  'touch /etc /usr/bin/jq /opt/ecs-host/bin/ecs-host-gate',
  'mkdir -p /usr/local/share/empty',
];

/**
 * A secret that is written and deleted. The lab's disks give the blocks of deleted files back at once, as EBS does not:
 * not for this one.
 */
export const DELETED_SECRET = [
  'mount -o remount,nodiscard /',
  `printf 'aws_access_key_id = AKIA%s\\n' QYLPMN5HHHFPZAM3 >/root/notes`,
  `printf 'aws_secret_access_key = %s\\n' '${'cD4eF6gH8j'.repeat(4)}' >>/root/notes`,
  'sync && rm /root/notes && sync',
].join('\n');

/** Packs a kernel's installed packages again as those of another, and installs them: `old` becomes `other`. */
function anotherKernel(old: string, other: string): string {
  return `work=$(mktemp -d)
for package in linux-modules-${old} linux-image-${old}; do
  to=$work/$package info=/var/lib/dpkg/info/$package
  mkdir -p "$to/DEBIAN"
  dpkg -L "$package" | while read -r path; do [ -d "$path" ] || printf '%s\\n' ".$path"; done |
    tar -C / -T - -c | tar -C "$to" -x --transform 's/${old}/${other}/g'
  dpkg-query -s "$package" | grep -v '^Status:' | sed 's/${old}/${other}/g' >"$to/DEBIAN/control"
  for script in preinst postinst prerm postrm triggers; do
    [ ! -e "$info.$script" ] || sed 's/${old}/${other}/g' "$info.$script" >"$to/DEBIAN/$script"
  done
  chmod -f 0755 "$to"/DEBIAN/p* || true
  (cd "$to" && find . -path ./DEBIAN -prune -o -type f -printf '%P\\0' | xargs -0 md5sum >DEBIAN/md5sums)
  dpkg-deb --root-owner-group -b "$to" "$to.deb" >/dev/null
done
dpkg -i "$work"/*.deb >/dev/null </dev/null
rm -r "$work"`;
}

/** The same where there is a kernel with its initramfs. The other one is older: the driver is built for the newest. */
export function harmlessToKernels(release: string): readonly string[] {
  return [
    anotherKernel(release, release.replace(/-\d+-/, '-1001-')),
    `update-initramfs -u -k ${release} >/dev/null`,
    `depmod ${release}`,
  ];
}
