import { FLAG, list, map, NUMBER, nullable, object, oneOf, shapeCheck, TEXT } from '../io/shape.ts';

const PINNED_KEY = nullable(object({ fingerprint: TEXT, key: TEXT }));
const REPOSITORY_KEY = nullable(object({ fingerprint: TEXT }));

/** What `Trust` says. */
export const TRUST = {
  docker: REPOSITORY_KEY,
  nvidiaContainerToolkit: REPOSITORY_KEY,
  ecsAgent: PINNED_KEY,
  awsCli: PINNED_KEY,
};

export const SUBSTITUTIONS = list(object({ component: TEXT, source: TEXT, reason: TEXT }));

const TARGET = object({
  version: NUMBER,
  profile: TEXT,
  os: object({ distribution: TEXT, codename: TEXT }),
  sshUser: TEXT,
  provisioners: list(TEXT),
  docker: object({ source: TEXT, version: nullable(TEXT), insecureRegistries: list(TEXT) }),
  ecsAgent: object({ source: TEXT, package: TEXT, sha256: nullable(TEXT) }),
  nvidia: nullable(
    object({
      kind: TEXT,
      driverBranch: TEXT,
      driverVersion: TEXT,
      driverUrl: TEXT,
      driverSha256: TEXT,
      kernelModule: TEXT,
      withoutFirmware: FLAG,
      containerToolkitVersion: TEXT,
    }),
  ),
  hostService: object({ entry: TEXT }),
  userTools: object({ awsCli: object({ source: TEXT, version: nullable(TEXT) }) }),
  trust: object(TRUST),
  securityUpdates: FLAG,
  swapMiB: NUMBER,
});

const LAYER = object({ digest: TEXT, provisioners: list(TEXT) });

const PROVISIONED = object(
  {
    provisioner: TEXT,
    path: TEXT,
    kind: oneOf('file', 'link', 'folder'),
    mode: NUMBER,
    sha256: TEXT,
    target: TEXT,
    rule: TEXT,
    expected: TEXT,
    by: TEXT,
    isOptional: FLAG,
  },
  ['mode', 'sha256', 'target', 'rule', 'expected', 'by', 'isOptional'],
);

const NETWORK = object({
  transport: oneOf('ssh', 'session-manager'),
  sshUser: TEXT,
  securityGroup: object({ id: TEXT, name: TEXT }),
  vpcId: TEXT,
  sshSourceCidrs: list(TEXT),
});

const PLACEMENT = object({ instanceType: TEXT, zone: TEXT, subnetId: TEXT, public: FLAG, reason: TEXT });

const WORKLOAD = object({
  repository: nullable(
    object({
      url: TEXT,
      ref: TEXT,
      submoduleRefs: map(TEXT),
      credential: nullable(
        object({
          kind: oneOf('deploy-key', 'token'),
          store: oneOf('secrets-manager', 'parameter-store'),
          name: TEXT,
          user: TEXT,
          hostKeys: list(TEXT),
        }),
      ),
    }),
  ),
  folder: nullable(TEXT),
  app: TEXT,
  baseImageRegistry: TEXT,
  ports: object({ discoveryTcp: NUMBER, streamUdp: NUMBER, streamTcp: NUMBER }),
});

const RELEASE = object({
  regions: list(
    object({
      name: TEXT,
      apiRegion: TEXT,
      kmsKey: nullable(TEXT),
      securityGroup: TEXT,
      instanceProfile: TEXT,
      vpcId: nullable(TEXT),
      subnetIds: nullable(list(TEXT)),
    }),
  ),
  verifyCopies: oneOf('smoke', 'snapshot'),
  share: object({ accounts: list(TEXT), organizations: list(TEXT), organizationalUnits: list(TEXT) }),
  deprecateAfterDays: nullable(NUMBER),
  protect: FLAG,
});

/** What `BuildPlan` says. @returns what is wrong with a value that should be a plan of this version, or null */
export const planProblem = shapeCheck(
  object({
    planVersion: NUMBER,
    digest: TEXT,
    planName: TEXT,
    profile: TEXT,
    region: TEXT,
    apiRegion: TEXT,
    isLab: FLAG,
    machine: nullable(oneOf('nspawn', 'qemu')),
    endpointUrl: nullable(TEXT),
    baseImage: object({ id: TEXT, name: TEXT, ownerId: TEXT, architecture: TEXT, rootDeviceName: TEXT }),
    instanceTypes: list(TEXT),
    gpu: FLAG,
    rootVolume: object({ sizeGiB: NUMBER, type: TEXT, encrypted: FLAG }),
    kmsKey: nullable(TEXT),
    network: NETWORK,
    placements: list(PLACEMENT),
    considered: list(object({ instanceType: nullable(TEXT), zone: TEXT, subnetId: TEXT, reason: TEXT })),
    instanceProfile: TEXT,
    buildInstanceProfile: TEXT,
    ecsAgentEndpoint: nullable(TEXT),
    imageName: TEXT,
    tags: map(TEXT),
    target: TARGET,
    packageLists: map(TEXT),
    layers: object({ areWanted: FLAG, slow: LAYER, fast: LAYER }),
    bundles: list(object({ path: TEXT, sha256: TEXT, bytes: NUMBER })),
    node: object({ version: TEXT, sha256: TEXT }),
    hostProgram: nullable(TEXT),
    provisioning: list(object({ name: TEXT, upload: FLAG, inline: list(TEXT) }, ['upload', 'inline'])),
    provisioned: list(PROVISIONED),
    developerWorkload: WORKLOAD,
    release: RELEASE,
    auditExceptions: list(object({ path: TEXT, reason: TEXT, expires: TEXT })),
    substitutions: SUBSTITUTIONS,
    toolchain: object({ packer: TEXT, amazonPlugin: TEXT }),
    warnings: list(object({ code: TEXT, message: TEXT, hint: TEXT })),
  }),
);
