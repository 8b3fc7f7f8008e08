#!/bin/bash
# `flush.sh WATCH RULES COMMAND...`, in namespaces of its own: takes the block away with COMMAND, and prints after how
# many milliseconds it is back as it was, and what the watcher said.
set -eu
watch=$1 rules=$2
shift 2
said=$(mktemp)
trap 'rm -f "$said"' EXIT
list() { nft --stateless list table inet ecs_host_imds 2>/dev/null || true; }

"$watch" "$rules" 2>"$said" &
while [ "$(list)" = '' ]; do sleep 0.02; done
wanted=$(list)
sleep 0.6
"$@"
[ "$(list)" != "$wanted" ]
from=$(date +%s%3N)
while [ "$(list)" != "$wanted" ]; do
  [ "$(($(date +%s%3N) - from))" -lt 5000 ] || break
  sleep 0.02
done
echo "$(($(date +%s%3N) - from))"
until [ -s "$said" ]; do sleep 0.02; done
cat "$said"
