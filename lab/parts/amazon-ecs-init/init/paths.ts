/** Folders and files of ecs-init on a host. */
export const PATHS = {
  config: '/etc/ecs',
  instance: '/var/lib/ecs',
  data: '/var/lib/ecs/data',
  logs: '/var/log/ecs',
  cache: '/var/cache/ecs',
  cacheState: '/var/cache/ecs/state',
  tarball: '/var/cache/ecs/ecs-agent.tar',
  ebs: '/mnt/ecs/ebs',
  gpu: '/var/lib/ecs/gpu',
  gpuInfo: '/var/lib/ecs/gpu/nvidia-gpu-info.json',
  osRelease: '/etc/os-release',
} as const;

/** The image in the tarball, and the container that is made of it. */
export const IMAGE = 'amazon/amazon-ecs-agent:latest';
export const CONTAINER = 'ecs-agent';
