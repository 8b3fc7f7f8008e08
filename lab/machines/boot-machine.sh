#!/bin/sh
# Becomes the supervisor of one machine, in steps that each need the one before: its control groups, the lab's network namespace, a mount
# namespace of its own, the disk, systemd-nspawn. All of it is one process id, and whatever was mounted goes with the last process.
# Without a disk nothing is mounted: QEMU opens it itself.
#
# boot-machine.sh outer <network namespace> <disk> <mount point> <cgroup.procs files, with colons between> <command...>
set -eu
step=$1
namespace=$2
disk=$3
root=$4
groups=$5

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
    shift 5
    # What a machine deletes becomes a hole in the file. Flushing to the physical disk is the host's affair: a machine that is killed
    # loses nothing by it, and package installation is much faster.
    [ -z "$disk" ] || mount -t ext4 -o loop,noatime,discard,nobarrier "$disk" "$root"
    exec "$@"
    ;;
esac
