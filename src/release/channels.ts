/** Where an image is released to, from the least proven to the most. */
export const CHANNELS = ['nightly', 'beta', 'stable'] as const;
export type Channel = (typeof CHANNELS)[number];

/** Everything that is published lies below. */
export const POINTER_ROOT = '/ecs-host';

/**
 * The SSM parameters of a channel. `imageId` holds nothing but the id, so that a launch template takes it as
 * `resolve:ssm:…`; `release` says what it is, and which came before.
 */
export function pointerNames(
  profile: string,
  channel: Channel,
): { readonly imageId: string; readonly release: string } {
  const folder = `${POINTER_ROOT}/${profile}/${channel}`;
  return { imageId: `${folder}/image-id`, release: `${folder}/release` };
}
