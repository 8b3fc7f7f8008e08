#!/bin/bash
# Builds an app's container image: ./build_container_image.sh [app]
# The image is fractal/<app>:current-build.
set -euo pipefail
cd "$(dirname "$0")"

app=${1:-base}
if [[ ! -f $app/Dockerfile.20 ]]; then
  echo "$0: there is no app $app here" >&2
  exit 2
fi
if [[ ! -x base/protocol/build/protocol-server ]]; then
  echo "$0: build the protocol first: ./build_protocol.sh" >&2
  exit 2
fi

registry=${BASE_IMAGE_REGISTRY:+$BASE_IMAGE_REGISTRY/}
docker build --tag "fractal/$app:current-build" --build-arg "REGISTRY=$registry" --file "$app/Dockerfile.20" "$app"
