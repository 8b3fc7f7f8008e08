import { reasonOf } from '#contracts/reason.ts';
import type { TargetConfig, Trust } from '#contracts/target-config.ts';
import { outsideError } from '../io/errors.ts';
import { list, nullable, object, shapeCheck, TEXT } from '../io/shape.ts';
import type { BuildPlan } from './build-plan.ts';
import { SUBSTITUTIONS, TRUST } from './plan-shape.ts';

/** What a lab says of the parts that it offers in the place of official ones. */
export type StandIns = {
  readonly trust: Trust & { readonly nvidiaDriver: { readonly version: string; readonly sha256: string } | null };
  readonly substitutions: BuildPlan['substitutions'];
};

/** A part that nobody has asked for before is built first, which the lab says from time to time. */
const LIMIT_MS = 20 * 60_000;
const ANSWER_MS = 60_000;

type Answer =
  | ({ readonly mode: 'stand-in' } & StandIns)
  | { readonly mode: 'official' }
  | { readonly mode: 'building'; readonly building: readonly string[] };

const DRIVER = nullable(object({ version: TEXT, sha256: TEXT }));

const SHAPES: Readonly<Record<Answer['mode'], (value: unknown) => string | null>> = {
  'stand-in': shapeCheck(object({ trust: object({ ...TRUST, nvidiaDriver: DRIVER }), substitutions: SUBSTITUTIONS })),
  official: shapeCheck(object({})),
  building: shapeCheck(object({ building: list(TEXT) })),
};

/** Pure: what of a target comes from official hosts, in the lab's words. */
export function officialComponents({ os, docker, nvidia, ecsAgent, userTools }: TargetConfig): readonly string[] {
  return [
    ...(os.distribution === 'ubuntu' ? ['ubuntu'] : []),
    ...(docker.source === 'docker-ce' ? ['docker'] : []),
    ...(nvidia === null ? [] : ['nvidia']),
    ...(ecsAgent.source === 'aws' ? ['ecs-agent'] : []),
    ...(userTools.awsCli.source === 'aws' ? ['aws-cli'] : []),
  ];
}

/** @throws Error in words */
async function ask(url: URL): Promise<Answer> {
  const said = await fetch(url, { signal: AbortSignal.timeout(ANSWER_MS) });
  const answer = (await said.json()) as Answer & { readonly error?: unknown };
  if (!said.ok) throw new Error(String(answer.error ?? `HTTP ${said.status}`));
  const problem = Object.hasOwn(SHAPES, answer.mode) ? SHAPES[answer.mode](answer) : 'it has no mode that is known';
  if (problem !== null) throw new Error(`its answer is not understood, ${problem}`);
  return answer;
}

async function askUntilBuilt(url: URL, onBuilding: (line: string) => void): Promise<Answer> {
  const until = Date.now() + LIMIT_MS;
  for (;;) {
    const answer = await ask(url);
    if (answer.mode !== 'building') return answer;
    const names = answer.building.join(', ');
    if (Date.now() > until) throw new Error(`after ${LIMIT_MS / 60_000} minutes it is still building ${names}`);
    onBuilding(`the lab is building ${names}`);
  }
}

/**
 * What stands in for official hosts at an endpoint; null on AWS, for a target that takes nothing from them, and in a
 * lab whose machines reach them. The lab builds what it does not have yet.
 *
 * @throws EcsHostError (outside) `LAB_PARTS`
 */
export async function askStandIns(
  target: TargetConfig,
  endpointUrl: string | null,
  onBuilding: (line: string) => void,
): Promise<StandIns | null> {
  const components = officialComponents(target);
  if (endpointUrl === null || components.length === 0) return null;
  const url = new URL('/_lab/sources', endpointUrl);
  url.searchParams.set('codename', target.os.codename);
  for (const each of components) url.searchParams.append('component', each);
  if (target.nvidia !== null) url.searchParams.set('driver', target.nvidia.driverVersion);
  try {
    const answer = await askUntilBuilt(url, onBuilding);
    if (answer.mode !== 'stand-in') return null;
    return { trust: answer.trust, substitutions: answer.substitutions };
  } catch (error) {
    throw outsideError(
      'LAB_PARTS',
      `The lab (the embedded EC2) at ${endpointUrl} does not offer what this profile needs: ${reasonOf(error)}.`,
      "the lab's log says more; `--profile cpu-bookworm` takes nothing from official hosts",
      undefined,
      error,
    );
  }
}

/** Pure: what stands in for base layers of containers; in a lab ECR Public's name leads to its registry. */
export function layersStandIn(standIns: StandIns | null, registry: string): BuildPlan['substitutions'] {
  if (standIns === null || !registry.startsWith('public.ecr.aws/')) return [];
  return [
    {
      component: 'container base layers',
      source: "the lab's registry under the name of ECR Public (images made of Debian packages)",
      reason: 'ECR Public is not reachable from the lab',
    },
  ];
}

/** Pure: a target whose signatures and checksums are those of the stand-ins. */
export function withStandIns(target: TargetConfig, standIns: StandIns | null): TargetConfig {
  if (standIns === null) return target;
  const { nvidiaDriver, ...trust } = standIns.trust;
  const { nvidia } = target;
  if (nvidia === null || nvidiaDriver === null) return { ...target, trust };
  return { ...target, trust, nvidia: { ...nvidia, driverSha256: nvidiaDriver.sha256 } };
}
