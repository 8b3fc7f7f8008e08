import { base, FILES as OF_BASE } from './concerns/base.ts';
import { clean } from './concerns/clean.ts';
import { docker, FILES as OF_DOCKER } from './concerns/docker.ts';
import { nvidia, FILES as OF_NVIDIA } from './concerns/nvidia.ts';
import { withPackages } from './concerns/packages.ts';
import { userTools } from './concerns/user-tools.ts';

/**
 * What the slow layer is made with, and nothing else: carried to no machine, but bundled, so that its digest changes
 * when and only when something changes that the slow layer is made of (src/bundle).
 */
export const CONCERNS = withPackages([base, docker, nvidia, userTools, clean]);

/** Of rootfs, as paths on the image. */
export const FILES = [...OF_BASE, ...OF_DOCKER, ...OF_NVIDIA];
