#!/bin/bash
# Becomes the supervisor of one machine, in steps that each need the one before: its control groups, the lab's network namespace, a mount
# namespace of its own, the disk, systemd-nspawn. All of it is one process id, and whatever was mounted goes with the last process.
# Without a disk nothing is mounted: QEMU opens it itself.
#
# Further disks are loop devices; the command gets what each is to be called, and its numbers (7:3), as last arguments.
#
# boot-machine.sh outer <network namespace> <disk> <mount point> <cgroup.procs files, with colons between>
#   <number of further disks> <name> <file>... <command...>
set -eu
step=$1
namespace=$2
disk=$3
root=$4
groups=$5
count=$6

case $step in
  outer)
    shift
    (
      IFS=:
      for group in $groups; do
        # The parent is what later becomes nspawn; this subshell only writes for it.
        echo $$ >"$group"
      done
    )
    # The kernel ends this process when the daemon that started it is gone. Slave and not private: what the machine outside unmounts
    # (the namespaces of other labs are mounts, too) must not live on in here.
    exec setpriv --pdeathsig KILL nsenter --net="$namespace" unshare --mount --propagation slave "$0" inner "$@"
    ;;
  inner)
    shift 6
    # What a machine deletes becomes a hole in the file. Flushing to the physical disk is the host's affair: a machine that is killed
    # loses nothing by it, and package installation is much faster.
    [ -z "$disk" ] || mount -t ext4 -o loop,noatime,discard,nobarrier "$disk" "$root"
    numbers=()
    for ((; count > 0; count--)); do
      device=$(losetup --find --show "$2")
      # A device that is in use is only told to go when it no longer is. What this process becomes holds it.
      # shellcheck disable=SC2034
      exec {held}<>"$device"
      losetup --detach "$device"
      numbers+=("$1" "$(<"/sys/block/${device#/dev/}/dev")")
      shift 2
    done
    exec "$@" "${numbers[@]}"
    ;;
esac
