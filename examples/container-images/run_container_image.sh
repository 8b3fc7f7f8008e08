#!/bin/bash
# Runs an app's container image and says how to reach it: ./run_container_image.sh [app]
# The key that clients need is made here, readable by this user only, and never on a command line.
set -euo pipefail

app=${1:-base}
image=fractal/$app:current-build
name=${app//\//-}-$(od -An -N4 -tx1 /dev/urandom | tr -d ' \n')
folder=/var/lib/ecs-host/containers/$name

as_root=()
[[ $(id -u) -eq 0 ]] || as_root=(sudo)
"${as_root[@]}" install -d -m 0755 /var/lib/ecs-host /var/lib/ecs-host/containers
"${as_root[@]}" install -d -m 0750 -o "$(id -u)" -g "$(id -g)" "$folder"
(umask 077 && head -c 16 /dev/urandom >"$folder/key")

# The server waits in the container until the host service has seen it start and has written .ready into the folder.
docker run --detach --name "$name" \
  --user "$(id -u):$(id -g)" \
  --cap-drop ALL --security-opt no-new-privileges \
  --tmpfs /run --tmpfs /run/lock --shm-size 8g \
  --volume "$folder:/fractal/private:ro" \
  --publish 32262:32262/tcp --publish 32263:32263/udp --publish 32273:32273/tcp \
  "$image" >/dev/null

for ((i = 0; i < 100; i++)); do
  if docker logs "$name" 2>/dev/null | grep -q '^serving$'; then
    echo "container: $name"
    echo "key file: $folder/key"
    exit 0
  fi
  if [[ $(docker inspect --format '{{.State.Running}}' "$name") != true ]]; then
    echo "$0: $name ended:" >&2
    docker logs "$name" >&2
    exit 1
  fi
  sleep 0.2
done
echo "$0: $name does not serve; does the host service run, and has it written $folder/.ready?" >&2
exit 1
