import type { Profile } from './hosts-config.ts';
import type { Finding } from './rule.ts';

type Types = Pick<Partial<Profile>, 'instanceType' | 'instanceTypes'>;

/** The instance types of a profile in the order in which they are tried, each with where it stands. */
export function typesIn({ instanceType, instanceTypes }: Types): { type: string; key: Finding['path'] }[] {
  if (instanceTypes !== undefined) return instanceTypes.map((type, at) => ({ type, key: ['instanceTypes', at] }));
  return instanceType === undefined ? [] : [{ type: instanceType, key: ['instanceType'] }];
}

export function instanceTypesOf(profile: Types): readonly string[] {
  return typesIn(profile).map(({ type }) => type);
}
