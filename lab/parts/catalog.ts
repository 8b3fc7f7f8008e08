import { amazonEcsInit } from './amazon-ecs-init/amazon-ecs-init.ts';
import { awsCli } from './aws-cli/aws-cli.ts';
import { dockerCe } from './docker-ce/docker-ce.ts';
import { kernelPart } from './kernel/kernel.ts';
import { nodejs } from './nodejs/nodejs.ts';
import { nvidiaContainerToolkit } from './nvidia-container-toolkit/toolkit.ts';
import { nvidiaDriver } from './nvidia-driver/nvidia-driver.ts';
import { nvidiaUserland } from './nvidia-userland/userland.ts';
import type { Codename, Part } from './part.ts';

const CODENAMES: readonly Codename[] = ['focal', 'jammy', 'noble'];
const PARTS: readonly Part[] = [
  ...CODENAMES.flatMap((codename) => [kernelPart(codename), dockerCe(codename)]),
  nvidiaContainerToolkit,
  amazonEcsInit,
  awsCli,
  nodejs,
];

/** The part of a name, which of a driver says the version; null when the lab has none. */
export function partNamed(name: string): Part | null {
  const version = /^nvidia-driver-(\d+(?:\.\d+)+)$/.exec(name)?.[1];
  if (version === undefined) return PARTS.find((part) => part.name === name) ?? null;
  return nvidiaDriver({ version, kind: 'data-center', userland: nvidiaUserland(version) });
}
