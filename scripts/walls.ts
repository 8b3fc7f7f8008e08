/**
 * Who may import whom, from the ground up. biome.json's walls and the tables in docs/architecture.md and lab/README.md
 * are generated from here (scripts/generate/walls.ts), so that none can say what the others do not hold. test/ and
 * bench/ may import everything.
 */
export type Room = {
  readonly folder: string;
  /**
   * Folders of the project (`contracts`), or of the same `src` (`src/io`). Within itself a room may do as it likes, but
   * for circles.
   */
  readonly mayImport: readonly string[];
  readonly holds: string;
  /** The files that the wall is around, when it is not all of the folder. */
  readonly files?: readonly string[];
  /** Runs before node_modules is there, so packages are behind the wall, too: `node:` and its own files are not. */
  readonly isBeforePackages?: true;
};

/**
 * Programs and what they share. What runs elsewhere (on the host, in the user's cloud, in the lab) is bundled or
 * started, not imported.
 */
export const PROGRAMS: readonly Room[] = [
  {
    folder: 'contracts',
    mayImport: [],
    holds: 'what several programs agree on: schemas, wire types, provision events',
  },
  {
    folder: 'hostd',
    mayImport: ['contracts'],
    holds: 'the host service; bundled into one file that the image carries',
  },
  { folder: 'provisioners', mayImport: ['contracts'], holds: 'what runs on the build instance, one file a concern' },
  {
    folder: 'auditor',
    mayImport: ['contracts'],
    holds: 'the auditor: reads the disk of an image from outside; bundled into one file that another instance runs',
  },
  { folder: 'webserver', mayImport: ['contracts'], holds: 'the reference webserver that hosts shake hands with' },
  { folder: 'lab', mayImport: [], holds: 'the embedded EC2: a program of its own, met only at its endpoint' },
  {
    folder: 'src',
    mayImport: ['contracts', 'webserver', 'scripts/setup-lib'],
    holds: 'the command line and its stages',
  },
  { folder: 'scripts', mayImport: ['src', 'contracts'], holds: 'generators, lint and test runners' },
  {
    folder: 'scripts/setup-lib',
    mayImport: [],
    isBeforePackages: true,
    holds: 'set-up; runs before packages are there, so it imports none of them either',
  },
];

/** Stages of `src` in the order of the data, above what they all stand on. */
export const STAGES: readonly Room[] = [
  { folder: 'src/io', mayImport: [], holds: 'errors, messages, reporters, paths, whole-file writes' },
  {
    folder: 'src/aws',
    mayImport: ['src/io'],
    holds: 'clients, credentials, waiting and removal, certificates of identity documents',
  },
  {
    folder: 'src/lab-client',
    mayImport: ['src/io', 'src/aws'],
    holds: 'start the lab, leave it, ask it for base images and for the certificate that signs its documents',
  },
  {
    folder: 'src/run',
    mayImport: ['src/io', 'src/aws'],
    holds: 'who owns what a run makes: run id, spans, owner file, tags, sweep',
  },
  { folder: 'src/config', mayImport: ['src/io'], holds: 'hosts.yaml, checked' },
  { folder: 'src/bundle', mayImport: ['src/io'], holds: 'what the image carries, built and hashed' },
  {
    folder: 'src/plan',
    mayImport: ['src/io', 'src/aws', 'src/run', 'src/config', 'src/bundle'],
    holds: 'plan.json: resolved, hashed, the only door',
  },
  {
    folder: 'src/host-access',
    mayImport: ['src/io', 'src/aws', 'src/plan'],
    holds: 'how a host is reached: ssh, Session Manager',
  },
  {
    folder: 'src/stream',
    mayImport: ['src/io'],
    holds: "the streaming protocol's client: the wire, pictures, a player, a page in the browser",
  },
  {
    folder: 'src/workload',
    mayImport: ['src/io', 'src/aws', 'src/plan', 'src/host-access'],
    holds: "the developer's workload on a host: clone, build, run, its key",
  },
  {
    folder: 'src/render',
    mayImport: ['src/io', 'src/run', 'src/bundle', 'src/plan'],
    holds: 'the Packer template and the packed bundle',
  },
  {
    folder: 'src/setup-scripts',
    mayImport: ['src/io', 'src/config', 'src/bundle', 'src/plan'],
    holds: 'set-up of a machine that one already has, as single files',
  },
  {
    folder: 'src/image',
    mayImport: ['src/io', 'src/aws', 'src/run', 'src/plan'],
    holds: 'records of images, and their tags',
  },
  {
    folder: 'src/inventory',
    mayImport: ['src/io', 'src/aws', 'src/run', 'src/config', 'src/bundle', 'src/plan', 'src/host-access', 'src/image'],
    holds: 'what is on an image: inventory, bill of materials, differences, vulnerabilities, provenance',
  },
  {
    folder: 'src/audit',
    mayImport: [
      'src/io',
      'src/aws',
      'src/run',
      'src/bundle',
      'src/plan',
      'src/host-access',
      'src/image',
      'src/inventory',
    ],
    holds: "an image's disk read from outside, and each thing on it explained or found",
  },
  {
    folder: 'src/bake',
    mayImport: ['src/io', 'src/aws', 'src/run', 'src/plan', 'src/host-access', 'src/render', 'src/image'],
    holds: 'the real packer build, followed',
  },
  { folder: 'src/user-data', mayImport: ['src/io'], holds: 'what makes a host out of an instance' },
  {
    folder: 'src/smoke',
    mayImport: [
      'src/io',
      'src/aws',
      'src/lab-client',
      'src/run',
      'src/host-access',
      'src/plan',
      'src/image',
      'src/inventory',
      'src/audit',
      'src/user-data',
      'src/stream',
      'src/workload',
      'webserver',
    ],
    holds: 'instances of the new image, their checks, the verdict',
  },
  {
    folder: 'src/release',
    mayImport: ['src/io', 'src/aws', 'src/run', 'src/config', 'src/plan', 'src/image', 'src/smoke'],
    holds: 'copies, pointers and channels; what is pruned',
  },
  {
    folder: 'src/nightly',
    mayImport: ['src/io', 'src/aws', 'src/run', 'src/config', 'src/plan', 'src/image', 'src/smoke', 'src/release'],
    holds: 'what a night does, its outcome as report, summary and issue',
  },
  {
    folder: 'src/dev-host',
    mayImport: [
      'src/io',
      'src/aws',
      'src/lab-client',
      'src/run',
      'src/config',
      'src/bundle',
      'src/plan',
      'src/host-access',
      'src/render',
      'src/image',
      'src/user-data',
      'src/stream',
      'src/workload',
    ],
    holds: "a developer's own host: found by its tags, reached, worked on, and stopping by itself",
  },
  {
    folder: 'src/bootstrap',
    mayImport: ['src/io', 'src/aws', 'src/run', 'src/config', 'src/plan'],
    holds: 'what an account needs: compared, made, taken away, as a template',
  },
  {
    folder: 'src/doctor',
    mayImport: ['src/io', 'scripts/setup-lib'],
    holds: 'every prerequisite: found, needed, the fix',
  },
  {
    folder: 'src/preflight',
    mayImport: [
      'src/io',
      'src/aws',
      'src/run',
      'src/config',
      'src/plan',
      'src/host-access',
      'src/workload',
      'src/doctor',
      'scripts/setup-lib',
    ],
    holds: 'all that a run needs, looked at before its first side effect',
  },
];

/** The command line stands on all of them. */
export const CLI: Room = {
  folder: 'src/cli',
  mayImport: [...STAGES.map(({ folder }) => folder), 'webserver'],
  holds: 'parser, table of verbs, session; a verb imports its work lazily',
};

/**
 * Rooms of the lab. They know nothing of each other but what is here; `daemon` puts them together, and `lab/main.ts`
 * starts it.
 */
export const LAB: readonly Room[] = [
  {
    folder: 'lab',
    files: ['lab/*.ts', '!lab/main.ts'],
    mayImport: [],
    holds: 'single files that every room stands on: paths, lock, log, types of machines',
  },
  { folder: 'lab/net', mayImport: [], holds: 'addresses, links, packet filter, and the gateway, a process of its own' },
  { folder: 'lab/disks', mayImport: [], holds: 'volumes and snapshots: sparse files' },
  { folder: 'lab/mirror', mayImport: [], holds: "a caching mirror of Debian's archive for machines" },
  { folder: 'lab/git', mayImport: [], holds: 'repositories over plain HTTP' },
  {
    folder: 'lab/ecs-agent',
    mayImport: [],
    holds: 'a stand-in agent for where the real one cannot be fetched; runs in machines',
  },
  {
    folder: 'lab/moto',
    mayImport: [],
    holds: "moto (the AWS API in memory) with the lab's patches and a memory on disk, a process of its own",
  },
  { folder: 'lab/imds', mayImport: ['lab/net'], holds: 'the metadata service of machines, signed documents' },
  { folder: 'lab/registry', mayImport: ['lab/net', 'lab/mirror'], holds: 'container base images' },
  { folder: 'lab/base-image', mayImport: ['lab/mirror', 'lab/parts'], holds: 'the image that machines begin with' },
  {
    folder: 'lab/parts',
    mayImport: ['lab/mirror', 'lab/ecs-agent'],
    holds: 'stand-ins for what only the internet has, built into the cache',
  },
  {
    folder: 'lab/official',
    mayImport: ['lab/net', 'lab/mirror', 'lab/parts'],
    holds: "the door behind which the official hosts' names lead: repositories and files made of the parts",
  },
  { folder: 'lab/machines', mayImport: ['lab/net', 'lab/disks'], holds: 'machines that boot, stop and end' },
  {
    folder: 'lab/endpoint',
    mayImport: ['lab/moto'],
    holds: 'reads a call, injects faults, passes it to moto; the reconciler makes its effects true; log of calls',
  },
  { folder: 'lab/ecs', mayImport: ['lab/moto', 'lab/endpoint'], holds: 'the ECS control plane as an agent sees it' },
  {
    folder: 'lab/ssm',
    mayImport: ['lab/net', 'lab/endpoint'],
    holds: 'Session Manager: its calls, the message gateway, and what agents in machines report to',
  },
  { folder: 'lab/lifecycle', mayImport: ['lab/machines', 'lab/endpoint'], holds: 'up, down, status, sweep' },
  {
    folder: 'lab/daemon',
    mayImport: [
      'lab/net',
      'lab/disks',
      'lab/mirror',
      'lab/git',
      'lab/moto',
      'lab/imds',
      'lab/registry',
      'lab/base-image',
      'lab/parts',
      'lab/official',
      'lab/machines',
      'lab/endpoint',
      'lab/ecs',
      'lab/ssm',
      'lab/lifecycle',
    ],
    holds: 'all of it in one process, but for moto, the gateway and the machines',
  },
];
