#!/bin/bash
# kill-at-each-step.sh SCRIPT STEP OPTIONS...: runs it again and again, and kills it (-9) in that step, in the next one
# and so on, until a run comes to its end. It is unpacked once, so that each run begins at once. Killed at the very
# beginning of a step, or a moment later; alone, so that what it started goes on without it, or (in an installation
# always) with everything that it started, as when the power fails.
set -u
script=$1 first=$2
shift 2
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
bytes=$(sed -n "s/^payload_bytes='\(.*\)'$/\1/p" "$script" | head -1)
tail -c "$bytes" "$script" | tar -x -C "$folder"
mkdir "$folder/rootfs"
tar -x -f "$folder/rootfs.tar" -C "$folder/rootfs"
gunzip "$folder/bin/node.gz"
chmod 0755 "$folder/bin/node"

begun() {
  grep -c '"type":"step-start"' "$1" 2>/dev/null
}

for ((runs = first; runs < 200; runs++)); do
  log=$folder/log.$runs
  setsid "$folder/bin/node" "$folder/provisioners/standalone.mjs" \
    "$folder" test free --yes "$@" --log "$log" >"$folder/out" 2>&1 &
  pid=$!
  while kill -0 "$pid" 2>/dev/null && [ "$(begun "$log" || true)" -lt "$runs" ] 2>/dev/null || [ ! -s "$log" ]; do
    kill -0 "$pid" 2>/dev/null || break
    sleep 0.01
  done
  victim=$pid
  case $(grep '"type":"step-start"' "$log" | tail -1) in
    *'"step":"install'* | *'packages"}') sleep 1 && victim=-$pid ;;
    *) [ $((runs % 2)) = 0 ] || sleep 0.2 ;;
  esac
  if kill -9 -- "$victim" 2>/dev/null; then
    wait "$pid" 2>/dev/null
    sed -n 's/.*"type":"step-start","provisioner":"\([^"]*\)","step":"\([^"]*\)".*/killed in \1: \2/p' "$log" | tail -1
  else
    wait "$pid"
    code=$?
    [ "$code" = 0 ] || cat "$folder/out"
    echo "completed with $code, and $((runs - first)) were killed"
    exit
  fi
done
