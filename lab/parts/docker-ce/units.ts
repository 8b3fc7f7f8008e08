/**
 * Unit files of Docker's own packages in the versions that are packed (moby v26.1.5, containerd v1.7.24), directive for
 * directive; test/lab/parts/docker-ce.test.ts has the table. Debian's differ: another path, an environment file.
 */
export const UNITS: Readonly<Record<string, string>> = {
  'docker.service': `[Unit]
Description=Docker Application Container Engine
Documentation=https://docs.docker.com
After=network-online.target docker.socket firewalld.service containerd.service time-set.target
Wants=network-online.target containerd.service
Requires=docker.socket

[Service]
Type=notify
ExecStart=/usr/bin/dockerd -H fd:// --containerd=/run/containerd/containerd.sock
ExecReload=/bin/kill -s HUP $MAINPID
TimeoutStartSec=0
RestartSec=2
Restart=always
StartLimitBurst=3
StartLimitInterval=60s
LimitNPROC=infinity
LimitCORE=infinity
TasksMax=infinity
Delegate=yes
KillMode=process
OOMScoreAdjust=-500

[Install]
WantedBy=multi-user.target
`,
  'docker.socket': `[Unit]
Description=Docker Socket for the API

[Socket]
ListenStream=/run/docker.sock
SocketMode=0660
SocketUser=root
SocketGroup=docker

[Install]
WantedBy=sockets.target
`,
  'containerd.service': `[Unit]
Description=containerd container runtime
Documentation=https://containerd.io
After=network.target local-fs.target dbus.service

[Service]
ExecStartPre=-/sbin/modprobe overlay
ExecStart=/usr/bin/containerd
Type=notify
Delegate=yes
KillMode=process
Restart=always
RestartSec=5
LimitNPROC=infinity
LimitCORE=infinity
LimitNOFILE=infinity
TasksMax=infinity
OOMScoreAdjust=-999

[Install]
WantedBy=multi-user.target
`,
};

function forEach(units: readonly string[], line: (unit: string) => string): string {
  return units.map(line).join('\n');
}

/**
 * Maintainer scripts that do with units what those of the real packages do: enabled at the first installation, started
 * (unless a policy forbids it), stopped before they go.
 */
export function unitScripts(units: readonly string[], first = ''): Readonly<Record<string, string>> {
  const all = units.join(' ');
  const enable = (unit: string): string =>
    `  deb-systemd-helper unmask '${unit}' >/dev/null || true
  if deb-systemd-helper --quiet was-enabled '${unit}'; then
    deb-systemd-helper enable '${unit}' >/dev/null || true
  else
    deb-systemd-helper update-state '${unit}' >/dev/null || true
  fi`;
  return {
    postinst: `#!/bin/sh
set -e
${first}case "$1" in
configure | abort-upgrade | abort-deconfigure | abort-remove)
${forEach(units, enable)}
  if [ -d /run/systemd/system ]; then
    systemctl --system daemon-reload >/dev/null || true
    if [ -n "$2" ]; then action=restart; else action=start; fi
    deb-systemd-invoke $action ${all} >/dev/null || true
  fi
  ;;
esac
`,
    prerm: `#!/bin/sh
set -e
if [ -d /run/systemd/system ] && [ "$1" = remove ]; then
  deb-systemd-invoke stop ${all} >/dev/null || true
fi
`,
    postrm: `#!/bin/sh
set -e
if [ -d /run/systemd/system ]; then
  systemctl --system daemon-reload >/dev/null || true
fi
if [ -x /usr/bin/deb-systemd-helper ]; then
  if [ "$1" = remove ]; then deb-systemd-helper mask ${all} >/dev/null || true; fi
  if [ "$1" = purge ]; then
    deb-systemd-helper purge ${all} >/dev/null || true
    deb-systemd-helper unmask ${all} >/dev/null || true
  fi
fi
`,
  };
}

/** What docker-ce's postinst does beside that. */
export const MAKE_GROUP = `if [ "$1" = configure ] && [ -z "$2" ] && ! getent group docker >/dev/null; then
  groupadd --system docker
fi
`;
