import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseEnvironmentFile } from '../../../ecs-agent/environment.ts';
import type { HostFacts, Variables } from './container.ts';
import { log } from './log.ts';
import { PATHS } from './paths.ts';

const GPU_SUPPORT = 'ECS_ENABLE_GPU_SUPPORT';
const DEVICES = { times: 10, pauseMs: 3000 };

function readFile(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

export function hasGpuDevices(): boolean {
  return readdirSync('/dev').some((name) => name.startsWith('nvidia'));
}

async function gpuDevicesCame(): Promise<boolean> {
  for (let times = 1; !hasGpuDevices(); times += 1) {
    if (times > DEVICES.times) return false;
    log(`NVIDIA GPU devices are not yet present, retrying (attempt ${times}/${DEVICES.times})`, 'warn');
    await sleep(DEVICES.pauseMs);
  }
  return true;
}

/**
 * The two files, the user's last. That the image's file wants GPU support is dropped when no device comes within half a
 * minute; what the user's file wants is kept.
 */
export async function readVariables(): Promise<Variables> {
  const image = { ...parseEnvironmentFile(readFile(`${PATHS.instance}/ecs.config`)) } as Record<string, string>;
  if (image[GPU_SUPPORT] === 'true' && !(await gpuDevicesCame())) {
    log('No GPU devices found, ignoring the GPU support config', 'warn');
    delete image[GPU_SUPPORT];
  }
  const user = parseEnvironmentFile(readFile(`${PATHS.config}/ecs.config`)) as Variables;
  return { ...image, ...user };
}

/** Pure: `ID_VERSION_ID` of an os-release file, `linux` when it lacks one of them. */
export function osFamilyOf(osRelease: string): string {
  const value = (name: string): string =>
    new RegExp(`^${name}=(.*)$`, 'm')
      .exec(osRelease)?.[1]
      ?.trim()
      .replaceAll(/^["']+|["']+$/g, '') ?? '';
  const [id, version] = [value('ID'), value('VERSION_ID')];
  return id === '' || version === '' ? 'linux' : `${id}_${version}`;
}

export async function readHost(): Promise<HostFacts> {
  return {
    files: await readVariables(),
    process: process.env,
    osFamily: osFamilyOf(readFile(PATHS.osRelease)),
    hasGpu: hasGpuDevices(),
    exists: existsSync,
  };
}

/** What the stand-in was not taught ends it, rather than be left out. @throws Error */
export function refuseUntaught(variables: Readonly<Record<string, string | undefined>>): void {
  for (const name of ['ECS_EXTERNAL', 'ECS_GMSA_SUPPORTED'])
    if (variables[name] === 'true') throw new Error(`the lab's ecs-init was not taught ${name}`);
}
