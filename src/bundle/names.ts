/** What is carried, file by file; paths are relative to the bundle's folder. */
export type BundleFile = { readonly path: string; readonly sha256: string; readonly bytes: number };

/** The project's own Node binary, carried to the image (docs/decisions/0006). */
export type NodeBinary = { readonly version: string; readonly sha256: string };

/** File name of the lab's agent among the carried files. */
export const STAND_IN_PACKAGE = 'ecs-agent-lab-stand-in.deb';

/** Says, by digests, what of the bundle the slow layer is made of; changes only with that. */
export const SLOW_LAYER_FILE = 'provisioners/slow-layer.json';

/** Where a user's own host service is in the bundle, and below /opt/ecs-host. */
export const OWN_PROGRAM = 'bin/host-service';
