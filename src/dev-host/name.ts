import { userError } from '../io/errors.ts';

/** It becomes a host name, an ssh alias and a tag. */
const FORM = /^[a-z](?:[a-z0-9-]{0,28}[a-z0-9])?$/;
export const DEFAULT_NAME = 'dev';

/** @throws EcsHostError `DEV_HOST_NAME` (user) with each name that cannot be one, or that is given twice */
export function checkNames(names: readonly string[]): void {
  const bad = names.find((name) => !FORM.test(name));
  if (bad !== undefined)
    throw userError(
      'DEV_HOST_NAME',
      `"${bad}" is no name for a dev host.`,
      'small letters, digits and dashes, a letter first, at most 30',
    );
  const twice = names.find((name, at) => names.indexOf(name) !== at);
  if (twice !== undefined) throw userError('DEV_HOST_NAME', `${twice} is named twice.`, 'name each host once');
}

/** Pure: `dev`, or the first of `dev-2`, `dev-3`, … that is free. */
export function freeName(taken: readonly string[]): string {
  if (!taken.includes(DEFAULT_NAME)) return DEFAULT_NAME;
  for (let number = 2; ; number += 1)
    if (!taken.includes(`${DEFAULT_NAME}-${number}`)) return `${DEFAULT_NAME}-${number}`;
}
