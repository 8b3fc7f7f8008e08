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
mark=$(date +%s%N)

phase() {
  local now
  now=$(date +%s%N)
  echo "phase $1 $(((now - mark) / 1000000))"
  mark=$now
}

ec2() {
  local action=$1
  shift
  curl --silent --show-error --fail-with-body --aws-sigv4 "aws:amz:$region:ec2" --user lab:lab \
    --data-urlencode "Action=$action" --data-urlencode Version=2016-11-15 "$@" "$endpoint/"
}
tag() { sed -n "s:.*<$1>\\([^<]*\\)</$1>.*:\\1:p" | head -1; }

wait_for() {
  local want=$1
  shift
  for _ in $(seq 600); do
    [[ $(ec2 "$@" | tr -d '\n' | grep -o "<name>$want</name>\|<imageState>$want</imageState>" | head -1) ]] && return
    sleep 0.3
  done
  echo "by-hand: no $want" >&2
  return 1
}

clean_up() {
  [[ -z ${instance:-} ]] || ec2 TerminateInstances --data-urlencode "InstanceId.1=$instance" >/dev/null
  [[ -z ${instance:-} ]] || wait_for terminated DescribeInstances --data-urlencode "InstanceId.1=$instance"
  [[ -z ${group:-} ]] || ec2 DeleteSecurityGroup --data-urlencode "GroupId=$group" >/dev/null
  ec2 DeleteKeyPair --data-urlencode "KeyName=$name" >/dev/null
}
trap clean_up EXIT

base=$(ec2 DescribeImages --data-urlencode Owner.1=136693071363 --data-urlencode 'Filter.1.Name=name' \
  --data-urlencode 'Filter.1.Value.1=debian-12-amd64-*' | tr -d '\n' | sed 's:</item>:\n:g' |
  sed -n 's:.*<imageId>\([^<]*\)<.*<creationDate>\([^<]*\)<.*:\2 \1:p' | sort | tail -1 | cut -d' ' -f2)
[[ -n $base ]] || base=$(ec2 DescribeImages --data-urlencode Owner.1=136693071363 | tag imageId)
ssh-keygen -q -t ed25519 -N '' -f "$work/$name"
ec2 ImportKeyPair --data-urlencode "KeyName=$name" \
  --data-urlencode "PublicKeyMaterial=$(base64 -w0 "$work/$name.pub")" >/dev/null
group=$(ec2 CreateSecurityGroup --data-urlencode "GroupName=$name" \
  --data-urlencode "GroupDescription=by hand" | tag groupId)
ec2 AuthorizeSecurityGroupIngress --data-urlencode "GroupId=$group" --data-urlencode IpPermissions.1.IpProtocol=tcp \
  --data-urlencode IpPermissions.1.FromPort=22 --data-urlencode IpPermissions.1.ToPort=22 \
  --data-urlencode IpPermissions.1.IpRanges.1.CidrIp=10.0.0.0/8 >/dev/null
instance=$(ec2 RunInstances --data-urlencode "ImageId=$base" --data-urlencode InstanceType=t3.large \
  --data-urlencode MinCount=1 --data-urlencode MaxCount=1 \
  --data-urlencode "KeyName=$name" --data-urlencode "SecurityGroupId.1=$group" \
  --data-urlencode IamInstanceProfile.Name=ecs-host --data-urlencode BlockDeviceMapping.1.DeviceName=/dev/xvda \
  --data-urlencode BlockDeviceMapping.1.Ebs.VolumeSize=32 --data-urlencode BlockDeviceMapping.1.Ebs.VolumeType=gp3 \
  --data-urlencode MetadataOptions.HttpTokens=required | tag instanceId)
wait_for running DescribeInstances --data-urlencode "InstanceId.1=$instance"
address=$(ec2 DescribeInstances --data-urlencode "InstanceId.1=$instance" | tag ipAddress)
ssh_options=(
  -i "$work/$name" -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR -o BatchMode=yes
)
for _ in $(seq 120); do
  ssh "${ssh_options[@]}" -o ConnectTimeout=2 "admin@$address" true 2>/dev/null && break
  sleep 0.5
done
on_host() {
  ssh "${ssh_options[@]}" "admin@$address" "sudo sh -eu" >"$work/$name.log" 2>&1 && return
  cat "$work/$name.log" >&2
  return 1
}
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
  "insecure-registries": ["10.78.0.1:5000"],
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
