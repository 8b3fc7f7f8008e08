#!/bin/bash
# Builds the protocol server in a container: ./build_protocol.sh [release]
# The result is base/protocol/build/protocol-server.
set -euo pipefail
cd "$(dirname "$0")"

mode=${1:-debug}
case $mode in
  release) cflags='-O2' ;;
  debug) cflags='-O1 -g' ;;
  *)
    echo "usage: $0 [release]" >&2
    exit 2
    ;;
esac

# A registry may have the builder ready, as the lab's does; a public one has debian alone.
registry=${BASE_IMAGE_REGISTRY:+$BASE_IMAGE_REGISTRY/}
builder=${registry}debian-build:bookworm
if [[ -z $registry ]] || ! docker pull --quiet "$builder" >/dev/null 2>&1; then
  builder=fractal/protocol-builder:bookworm
  docker build --quiet --tag "$builder" --build-arg "REGISTRY=$registry" --file base/Dockerfile.builder base >/dev/null
fi

echo "building the protocol ($mode) in $builder"
docker run --rm --network none --user "$(id -u):$(id -g)" --volume "$PWD/base/protocol:/protocol" --workdir /protocol \
  "$builder" make --no-print-directory -j2 CFLAGS="$cflags"
