import { createHash } from 'node:crypto';

/** A container base image made of Debian's packages. */
export type ImageRecipe = {
  readonly name: string;
  readonly tag: string;
  readonly suite: string;
  readonly packages: readonly string[];
};

/**
 * What the registry offers, in the order in which it is needed: what programs for containers are built in, and what
 * containers run on.
 */
export const IMAGE_RECIPES: readonly ImageRecipe[] = [
  {
    name: 'ecs-host/debian-build',
    tag: 'bookworm',
    suite: 'bookworm',
    packages: ['ca-certificates', 'gcc', 'libc6-dev', 'libssl-dev', 'libx264-dev', 'make', 'pkg-config'],
  },
  {
    name: 'ecs-host/debian',
    tag: 'bookworm',
    suite: 'bookworm',
    packages: ['ca-certificates', 'libssl3', 'libx264-164'],
  },
];

/** Changes when the way of building does, so that old images are not taken for new ones. */
const BUILD_VERSION = 2;

export function recipeDigest(recipe: ImageRecipe): string {
  return createHash('sha256')
    .update(JSON.stringify([BUILD_VERSION, recipe]))
    .digest('hex')
    .slice(0, 12);
}
