#!/bin/bash
# Bakes the cpu-bookworm image the way it is done by hand: the EC2 API with curl, everything else over ssh. The baseline
# of `make bench`. It does what the provisioners do, in their order and with their files, without their checks.
#
#   by-hand.sh ENDPOINT REGION BUNDLE_TAR WORK_FOLDER
#
# Prints `phase NAME MILLISECONDS` lines and `image AMI`.
set -euo pipefail

endpoint=$1 region=$2 bundle=$3 work=$4
name=by-hand-$$
# shellcheck source=bench/by-hand-lib.sh
source "$(dirname -- "${BASH_SOURCE[0]}")/by-hand-lib.sh"

launch
phase launch

on_host <<'EOS'
cloud-init status --wait >/dev/null || [ $? -eq 2 ]
EOS
scp -q "${ssh_options[@]}" "$bundle" "admin@$address:/tmp/bundle.tar"
on_host <<'EOS'
mkdir -p /opt/ecs-host/rootfs
tar -xf /tmp/bundle.tar -C /opt/ecs-host --no-same-owner
gunzip -f /opt/ecs-host/bin/node.gz
chmod 0755 /opt/ecs-host/bin/node
tar -xf /opt/ecs-host/rootfs.tar -C /opt/ecs-host/rootfs --no-same-owner
rm /tmp/bundle.tar
EOS
phase carry

on_host <<'EOS'
export DEBIAN_FRONTEND=noninteractive
cp -r /opt/ecs-host/rootfs/etc/apt/. /etc/apt/
systemctl disable --now apt-daily.timer apt-daily-upgrade.timer
apt-get -q update
apt-get -qy --no-install-recommends install ca-certificates curl gpg gpg-agent iptables kmod nftables procps
EOS
phase base

on_host <<'EOS'
export DEBIAN_FRONTEND=noninteractive
cp -r /opt/ecs-host/rootfs/etc/systemd/. /etc/systemd/
rm -f /etc/systemd/system/ecs-host-nvidia.service /etc/systemd/system/ecs.service.d/30-ecs-host-nvidia.conf
mkdir -p /etc/docker /etc/ecs-host
cp /opt/ecs-host/rootfs/etc/ecs-host/imds-block.nft /etc/ecs-host/
cat >/etc/docker/daemon.json <<'JSON'
{
  "insecure-registries": ["lab.internal:5000"],
  "log-driver": "json-file",
  "log-opts": { "max-size": "50m", "max-file": "3" }
}
JSON
printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d
chmod +x /usr/sbin/policy-rc.d
apt-get -qy --no-install-recommends install docker.io
rm /usr/sbin/policy-rc.d
systemctl disable docker.service docker.socket
usermod -aG docker admin
EOS
phase docker

on_host <<'EOS'
export DEBIAN_FRONTEND=noninteractive
apt-get -qy --no-install-recommends install /opt/ecs-host/payload/ecs-agent-lab-stand-in.deb
systemctl disable ecs.service 2>/dev/null || true
install -m 0755 /opt/ecs-host/rootfs/opt/ecs-host/bin/ecs-host-status /opt/ecs-host/bin/
install -m 0755 /opt/ecs-host/rootfs/usr/local/bin/ecs-host-status /usr/local/bin/
systemctl daemon-reload
systemctl enable ecs-host.service ecs-host-imds-block.service
systemctl start ecs-host-imds-block.service
cp -r /opt/ecs-host/rootfs/etc/sysctl.d/. /etc/sysctl.d/
cp -r /opt/ecs-host/rootfs/etc/security/. /etc/security/
cp -r /opt/ecs-host/rootfs/etc/logrotate.d/. /etc/logrotate.d/
EOS
phase agent-and-host-service

on_host <<'EOS'
export DEBIAN_FRONTEND=noninteractive
apt-get -qy --no-install-recommends install git jq openssl rclone rsync awscli
EOS
phase user-tools

on_host <<'EOS'
dpkg-query -W >/opt/ecs-host/image.txt
aws --version >>/opt/ecs-host/image.txt
rclone version >>/opt/ecs-host/image.txt
apt-get clean
rm -rf /var/lib/apt/lists/* /opt/ecs-host/rootfs /opt/ecs-host/rootfs.tar /opt/ecs-host/payload
rm -rf /var/log/journal/* /var/lib/cloud/instances /var/lib/cloud/data
rm -f /etc/ssh/ssh_host_* /root/.ssh/authorized_keys /home/*/.ssh/authorized_keys /home/*/.bash_history
: >/etc/machine-id
cloud-init clean --logs
sync
EOS
phase clean

ec2 StopInstances --data-urlencode "InstanceId.1=$instance" >/dev/null
wait_for stopped DescribeInstances --data-urlencode "InstanceId.1=$instance"
image=$(ec2 CreateImage --data-urlencode "InstanceId=$instance" --data-urlencode "Name=$name" | tag imageId)
wait_for available DescribeImages --data-urlencode "ImageId.1=$image"
phase image
clean_up
instance='' group=''
phase clean-up
echo "image $image"
