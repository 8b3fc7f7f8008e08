#!/bin/bash
# What baking by hand and setting up a development host by hand have in common: an instance of the lab's base image,
# launched through the EC2 API with curl and reached over ssh. It wants endpoint, region, work and a name, and removes
# what it made at the end of the script that sources it.
# shellcheck disable=SC2154 # endpoint, region, work and name are the script's
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

launch() {
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
}

on_host() {
  ssh "${ssh_options[@]}" "admin@$address" "sudo sh -eu" >"$work/$name.log" 2>&1 && return
  cat "$work/$name.log" >&2
  return 1
}
