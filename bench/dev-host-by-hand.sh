#!/bin/bash
# From nothing to a container that streams, the way a developer types it: an instance with curl, Docker and the tools
# with apt, then the three scripts of the repository. The baseline of bench/dev-host.ts.
#
#   dev-host-by-hand.sh ENDPOINT REGION WORK_FOLDER
#
# Prints `phase NAME MILLISECONDS` lines, then `address IP` and `key HEX`, and ends when its stdin does.
set -euo pipefail

endpoint=$1 region=$2 work=$3
name=dev-by-hand-$$
# shellcheck source=bench/by-hand-lib.sh
source "$(dirname -- "${BASH_SOURCE[0]}")/by-hand-lib.sh"

launch
ec2 AuthorizeSecurityGroupIngress --data-urlencode "GroupId=$group" --data-urlencode IpPermissions.1.IpProtocol=-1 \
  --data-urlencode IpPermissions.1.IpRanges.1.CidrIp=10.0.0.0/8 >/dev/null
phase launch

on_host <<'EOS'
cloud-init status --wait >/dev/null || [ $? -eq 2 ]
export DEBIAN_FRONTEND=noninteractive
mkdir -p /etc/docker
echo '{"insecure-registries":["lab.internal:5000"]}' >/etc/docker/daemon.json
apt-get -q update
apt-get -qy --no-install-recommends install docker.io git jq openssl rclone rsync awscli
usermod -aG docker admin
EOS
phase docker-and-tools

as_user() {
  ssh "${ssh_options[@]}" "admin@$address" "sh -eu" 2>"$work/$name.log" && return
  cat "$work/$name.log" >&2
  return 1
}
as_user >/dev/null <<'EOS'
git clone --quiet --recurse-submodules http://lab.internal/git/container-images.git
cd container-images
export BASE_IMAGE_REGISTRY=lab.internal:5000/ecs-host
./build_protocol.sh
./build_container_image.sh base
EOS
phase build

# Nobody writes .ready here: the host service of a real host does.
key=$(as_user <<'EOS'
cd container-images
(
  until ls -d /var/lib/ecs-host/containers/*/ >/dev/null 2>&1; do sleep 0.1; done
  touch "$(echo /var/lib/ecs-host/containers/*/)".ready
) >/dev/null 2>&1 &
./run_container_image.sh base >/dev/null
od -An -v -tx1 /var/lib/ecs-host/containers/*/key | tr -d ' \n'
EOS
)
phase run
echo "address $address"
echo "key $key"
cat >/dev/null
