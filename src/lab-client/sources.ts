import { userError } from '../io/errors.ts';

/** Where the lab takes base images, repositories and files from that only the internet has. */
export const SOURCES = ['auto', 'official', 'stand-in'] as const;
export type Sources = (typeof SOURCES)[number];

/**
 * As it was asked for, else as ECS_HOST_SOURCES says, else whichever the lab finds.
 *
 * @throws EcsHostError (user) `USAGE` when the variable says something else
 */
export function sourcesOf(option: unknown, environment: Readonly<Record<string, string | undefined>>): Sources {
  const said = option ?? (environment['ECS_HOST_SOURCES'] || 'auto');
  const sources = SOURCES.find((each) => each === said);
  if (sources === undefined)
    throw userError('USAGE', `ECS_HOST_SOURCES is "${String(said)}".`, `it takes ${SOURCES.join(', ')}`);
  return sources;
}
