/**
 * Where this project is on an image: its own Node, programs, provisioners and what they carried. Units and scripts of
 * packer/rootfs and the C programs name it as text.
 */
export const HOST_FOLDER = '/opt/ecs-host';

/** A path below it: `bin/node`. */
export function onHost(path: string): string {
  return `${HOST_FOLDER}/${path}`;
}

/** The Node that was carried; the image has no other. */
export const HOST_NODE = onHost('bin/node');
