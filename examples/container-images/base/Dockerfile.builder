ARG REGISTRY=
FROM ${REGISTRY}debian:bookworm
RUN apt-get update && \
    apt-get install -y --no-install-recommends gcc libc6-dev libssl-dev libx264-dev make pkg-config && \
    rm -rf /var/lib/apt/lists/*
