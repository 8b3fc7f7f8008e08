#!/bin/sh
# @NAME@, from ecs-host-setup. `sh @NAME@ --help` says what it does. Behind this text is its payload: a tar with the provisioners
# and Node @NODE_VERSION@. Everything is in functions that the last line calls, so a file that was cut off in here does nothing.

name='@NAME@'
payload_bytes='@PAYLOAD_BYTES@'
payload_sha256='@PAYLOAD_SHA256@'
node_sha256='@NODE_SHA256@'
# Payload, what is in it, and Node without compression.
unpacked_kib='@UNPACKED_KIB@'

usage() {
  cat <<'HELP'
@HELP@
HELP
}

refuse() {
  echo "$name: $1" >&2
  exit 2
}

# Under sudo again, which asks for the password if it wants one. 1 is sudo's own failure.
as_root() {
  command -v sudo >/dev/null || refuse 'it has to run as root, and there is no sudo here'
  trap : INT
  code=0
  sudo -- sh "$self" "$@" || code=$?
  [ "$code" -ne 1 ] || refuse 'sudo did not let it run as root'
  exit "$code"
}

has_sha256() {
  [ "$(sha256sum <"$1" | cut -d ' ' -f 1)" = "$2" ]
}

# Folders of runs that were killed.
sweep() {
  for old in /var/tmp/ecs-host-setup.*; do
    [ -d "$old" ] || continue
    pid=${old#/var/tmp/ecs-host-setup.}
    pid=${pid%%.*}
    case $pid in '' | *[!0-9]*) continue ;; esac
    kill -0 "$pid" 2>/dev/null || rm -rf "$old"
  done
}

unpack() {
  free=$(df -Pk /var/tmp | awk 'END { print $4 }')
  [ "$free" -gt "$unpacked_kib" ] || refuse "there is no room to unpack it: /var/tmp has $((free / 1024)) MiB, and $((unpacked_kib / 1024)) are needed"
  folder=$(mktemp -d "/var/tmp/ecs-host-setup.$$.XXXXXX") || refuse 'no folder can be made in /var/tmp'
  trap 'rm -rf "$folder"' EXIT
  # Whoever interrupts, interrupts the program; this waits for it, and removes the folder.
  trap : INT TERM HUP
  tail -c "$payload_bytes" "$self" >"$folder/payload.tar" || refuse 'it cannot be read'
  has_sha256 "$folder/payload.tar" "$payload_sha256" ||
    refuse 'this file is not what was made: its download was cut off, or it was altered. Get it again.'
  tar -x -f "$folder/payload.tar" -C "$folder" || refuse 'it cannot be unpacked'
  rm "$folder/payload.tar"
  mkdir "$folder/rootfs"
  tar -x -f "$folder/rootfs.tar" -C "$folder/rootfs" || refuse 'it cannot be unpacked'
  gunzip "$folder/bin/node.gz" || refuse 'it cannot be unpacked'
  has_sha256 "$folder/bin/node" "$node_sha256" || refuse 'its Node is not the one that it was made with'
  chmod 0755 "$folder/bin/node"
  "$folder/bin/node" --version >/dev/null 2>&1 || refuse 'the Node that it carries does not run here'
}

main() {
  self=$0
  if [ ! -f "$self" ] || ! grep -q "^name='$name'" "$self" 2>/dev/null; then
    refuse 'it has to be a file that is run, and cannot come through a pipe'
  fi
  for word do
    case $word in
      -h | --help) usage && exit 0 ;;
    esac
  done
  [ "$(uname -s) $(uname -m)" = 'Linux x86_64' ] || refuse "it is for Linux on x86_64, and this is $(uname -s) on $(uname -m)"
  [ "$(id -u)" -eq 0 ] || as_root "$@"
  umask 022
  sweep
  unpack
  exec 9>/run/ecs-host-setup.lock
  lock=free
  flock -n 9 || lock=taken
  code=0
  # The lock ends with this shell and is not the program's, so that what the program starts does not keep it.
  "$folder/bin/node" "$folder/provisioners/standalone.mjs" "$folder" "$name" "$lock" "$@" 9>&- || code=$?
  exit "$code"
}

# It ends the shell, which therefore never reads on into the payload.
main "$@"
