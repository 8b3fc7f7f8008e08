import type { Options } from 'yargs';
import { SOURCES } from '../lab-client/sources.ts';
import { CHANNELS } from '../release/channels.ts';
import { SHELLS } from './completion/shells.ts';

/** Everything a user can type behind a verb, as data; what several verbs take stands here once. */
export const COMMON = {
  region: {
    alias: 'r',
    type: 'string',
    describe: 'region of hosts.yaml; `local` is the lab',
    defaultDescription: 'local',
    requiresArg: true,
  },
  profile: { alias: 'p', type: 'string', describe: "profile of hosts.yaml (default: the region's)", requiresArg: true },
  config: {
    alias: 'c',
    type: 'string',
    describe: 'configuration file',
    defaultDescription: 'hosts.yaml',
    requiresArg: true,
  },
} as const satisfies Record<string, Options>;

export const CHECK_PROFILE = {
  ...COMMON.profile,
  describe: 'show this profile whole, with what it has from the one that it is like',
} as const satisfies Options;

export const OUTPUT = {
  json: { type: 'boolean', describe: 'results (and events of long work) as JSON on stdout', default: false },
  plain: { type: 'boolean', describe: 'plain progress lines, also on a terminal', default: false },
  debug: {
    type: 'boolean',
    describe: 'on failure also the stack, and a command that repeats the failing step where there is one',
    default: false,
  },
} as const satisfies Record<string, Options>;

export const PLAN = {
  plan: { type: 'string', describe: 'follow this plan.json; hosts.yaml is not read', requiresArg: true },
} as const satisfies Record<string, Options>;

export const OR_REGION = {
  'or-region': {
    type: 'string',
    array: true,
    describe: 'region of hosts.yaml to bake in where the one before has no capacity or quota; repeatable',
    requiresArg: true,
  },
} as const satisfies Record<string, Options>;

export const LAB_SOURCES = {
  sources: {
    type: 'string',
    choices: SOURCES,
    describe: "in the lab: Canonical's own base images and repositories, or the lab's stand-ins",
    defaultDescription: 'ECS_HOST_SOURCES, else auto: official where the network has them',
    requiresArg: true,
  },
} as const satisfies Record<string, Options>;

export const FORCE = {
  force: { type: 'boolean', describe: 'bake also where an image with the same digest is there', default: false },
} as const satisfies Record<string, Options>;

export const SINCE = {
  since: {
    type: 'string',
    describe: 'say what changed since this image (without one: since the newest of the profile that passed)',
    // Alone it is a value of its own; an empty one is a mistake, as everywhere.
    coerce: (value: unknown): unknown => (value === '' ? true : value),
  },
} as const satisfies Record<string, Options>;

export const OUT = {
  out: { alias: 'o', type: 'string', describe: 'folder to write to (default: ./out)', requiresArg: true },
} as const satisfies Record<string, Options>;

export const WEBSERVER = {
  address: { type: 'string', describe: 'IP address to listen on', default: '127.0.0.1', requiresArg: true },
  port: { type: 'number', describe: '0 takes a free one', default: 8443, requiresArg: true },
  cert: { type: 'string', describe: 'PEM of its certificate (default: one made for the address)', requiresArg: true },
  key: { type: 'string', describe: 'PEM of the key of --cert', requiresArg: true },
  account: {
    type: 'string',
    array: true,
    describe: 'account whose hosts are let in; on AWS required',
    requiresArg: true,
  },
  image: { type: 'string', array: true, describe: 'image whose hosts are let in (default: any)', requiresArg: true },
  confirm: {
    type: 'string',
    array: true,
    choices: ['address', 'once', 'ec2', 'none'],
    describe: 'what is asked of a host beyond its identity document (default: ec2); repeatable',
    requiresArg: true,
  },
  store: { type: 'string', describe: 'SQLite file in which hosts survive a restart', requiresArg: true },
  'terminate-after': {
    type: 'number',
    describe: 'seconds of silence, or after a denial or the end of a drain, until a host is terminated; 0 for never',
    default: 0,
    requiresArg: true,
  },
} as const satisfies Record<string, Options>;

export const USER_DATA = {
  cluster: { type: 'string', describe: 'ECS cluster to join', demandOption: true, requiresArg: true },
  'webserver-url': { type: 'string', describe: 'https://host[:port]', demandOption: true, requiresArg: true },
  'webserver-ca': {
    type: 'string',
    describe: 'PEM of a private authority (default: the public ones)',
    requiresArg: true,
  },
  environment: {
    type: 'string',
    describe: 'what the webserver is told: dev, staging, prod',
    default: 'dev',
    requiresArg: true,
  },
  'drain-seconds': { type: 'number', describe: 'how long tasks may take to end', default: 60, requiresArg: true },
  'power-off-seconds': {
    type: 'string',
    describe: 'how long after a final no (denied, drained, revoked) the host powers itself off; or never',
    default: '3600',
    requiresArg: true,
  },
  rebalance: {
    type: 'string',
    choices: ['tell', 'drain'],
    describe: 'what a rebalance recommendation of EC2 does to a spot instance',
    default: 'tell',
    requiresArg: true,
  },
  ecs: { type: 'string', array: true, describe: 'NAME=VALUE for ecs.config; repeatable', requiresArg: true },
  json: { type: 'boolean', describe: 'a document with the text, also in base64 for a launch template', default: false },
  debug: OUTPUT.debug,
} as const satisfies Record<string, Options>;

export const BOOTSTRAP = {
  clients: {
    type: 'string',
    array: true,
    describe: 'network whose clients the hosts let in, such as 203.0.113.0/24; repeatable',
    requiresArg: true,
  },
  webserver: {
    type: 'string',
    array: true,
    describe: 'network of the webserver, for the control port; repeatable',
    requiresArg: true,
  },
  'log-days': {
    type: 'number',
    choices: [1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653],
    describe: 'how long logs are kept',
    default: 30,
    defaultDescription: '30',
    requiresArg: true,
  },
  'ci-repository': {
    type: 'string',
    describe: 'owner/name on GitHub whose workflows may bake (default: none)',
    requiresArg: true,
  },
  'ci-branch': {
    type: 'string',
    describe: 'only from this branch',
    defaultDescription: 'main',
    requiresArg: true,
  },
  template: {
    type: 'string',
    describe: 'write a CloudFormation template instead (- for stdout); asks nobody',
    requiresArg: true,
  },
  destroy: { type: 'boolean', describe: 'take away what bootstrap made, and nothing else', default: false },
  'dry-run': { type: 'boolean', describe: 'only show the difference', default: false },
  yes: { alias: 'y', type: 'boolean', describe: 'do not ask', default: false },
} as const satisfies Record<string, Options>;

const DURATION = { type: 'string', requiresArg: true } as const;

export const DEV_HOST_UP = {
  'from-base': {
    type: 'boolean',
    describe: 'from the base image of the profile, not from an image that was baked',
    default: false,
  },
  image: {
    type: 'string',
    describe: 'from this image (default: the newest with a passing verdict)',
    requiresArg: true,
  },
  ttl: { ...DURATION, describe: 'how long until it stops by itself: 45m, 8h, 2d', defaultDescription: '8h' },
  idle: { ...DURATION, describe: 'how long without use until it stops; 0 for never', defaultDescription: '1h' },
  authorize: {
    type: 'string',
    array: true,
    describe: 'file of public keys that are let in, too, such as that of another machine of yours; repeatable',
    requiresArg: true,
  },
} as const satisfies Record<string, Options>;

export const DEV_HOST_ALL = {
  all: { type: 'boolean', describe: 'every dev host of yours in the region', default: false },
} as const satisfies Record<string, Options>;

export const DEV_HOST_LIST = {
  'all-users': { type: 'boolean', describe: "everybody's, with their owners", default: false },
} as const satisfies Record<string, Options>;

export const DEV_HOST_START = {
  ttl: { ...DURATION, describe: 'how long until it stops by itself again', defaultDescription: 'as when it was made' },
} as const satisfies Record<string, Options>;

export const DEV_HOST_STREAM = {
  open: {
    type: 'boolean',
    describe: 'open a player or a browser; --no-open only says the address',
    default: true,
  },
  frames: {
    type: 'number',
    describe: 'open nothing: decode so many frames, say what they show, and end',
    requiresArg: true,
  },
} as const satisfies Record<string, Options>;

export const DEV_HOST_EXTEND = {
  by: { ...DURATION, describe: 'how much later it stops', defaultDescription: '4h' },
} as const satisfies Record<string, Options>;

/** For verbs that leave stdout to another program. */
export const ALONE = { debug: OUTPUT.debug } as const satisfies Record<string, Options>;

export const DEV_HOST_SYNC = {
  to: {
    type: 'string',
    describe: 'folder there, below the home or absolute (default: the name of the folder here)',
    requiresArg: true,
  },
  watch: { type: 'boolean', describe: 'go on until Ctrl-C, as soon as something changes', default: false },
  prefer: {
    type: 'string',
    choices: ['here', 'there'],
    describe: 'whose version wins where both sides changed',
    requiresArg: true,
  },
} as const satisfies Record<string, Options>;

export const DEV_HOST_SSH_CONFIG = {
  install: {
    type: 'boolean',
    describe: 'write it to ~/.ssh/ecs-host.config, which ~/.ssh/config includes from then on; asks first',
    default: false,
  },
} as const satisfies Record<string, Options>;

export const TELL = {
  what: {
    type: 'string',
    choices: ['grant', 'deny', 'delay', 'error', 'nonsense', 'drain', 'revoke', 'serve', 'trust', 'forget', 'resume'],
    demandOption: true,
  },
  instance: { alias: 'i', type: 'string', describe: 'only this instance', requiresArg: true },
  reason: { type: 'string', describe: 'for deny, drain and revoke', requiresArg: true },
  ms: { type: 'number', describe: 'how long delay takes', default: 5000, requiresArg: true },
} as const satisfies Record<string, Options>;

export const KEEP = {
  'keep-on-failure': {
    type: 'boolean',
    describe: 'keep the instances of a bake or smoke test that fails, and say how to reach them; `sweep` removes them',
    default: false,
  },
} as const satisfies Record<string, Options>;

export const LAYERS = {
  layers: {
    type: 'boolean',
    describe: "bake in two layers, or with --no-layers whole (default: the profile's `layers`)",
  },
} as const satisfies Record<string, Options>;

export const SMOKE = {
  only: {
    type: 'string',
    describe: 'comma-separated parts: gate,cluster,network,verify,workload,audit',
    requiresArg: true,
  },
} as const satisfies Record<string, Options>;

export const SBOM_OUT = {
  out: { alias: 'o', type: 'string', describe: 'file to write to (default: stdout)', requiresArg: true },
} as const satisfies Record<string, Options>;

export const VULNERABILITIES = {
  all: {
    type: 'boolean',
    describe: 'also those that the distribution takes for unimportant',
    default: false,
  },
} as const satisfies Record<string, Options>;

export const VERIFY = {
  key: {
    type: 'string',
    describe: 'PEM of the public key that the provenance should be signed with',
    defaultDescription: 'that of ECS_HOST_SIGNING_KEY',
    requiresArg: true,
  },
} as const satisfies Record<string, Options>;

export const CHANNEL = {
  channel: {
    type: 'string',
    choices: CHANNELS,
    describe: 'channel whose pointers name the image then',
    default: 'nightly',
    requiresArg: true,
  },
} as const satisfies Record<string, Options>;

export const COMPLETION = {
  shell: {
    type: 'string',
    choices: SHELLS,
    describe: 'for which shell',
    defaultDescription: 'the one that SHELL names',
  },
} as const satisfies Record<string, Options>;

/** Several regions at once. */
export const REGIONS = {
  region: {
    alias: 'r',
    type: 'string',
    array: true,
    describe: 'region of hosts.yaml; repeatable (default: all that have the profile)',
    requiresArg: true,
  },
} as const satisfies Record<string, Options>;

const A_CHANNEL = { type: 'string', choices: CHANNELS, requiresArg: true } as const;

export const PROMOTE = {
  from: { ...A_CHANNEL, describe: 'channel whose image is taken', demandOption: true },
  to: { ...A_CHANNEL, describe: 'channel that names it from then on', demandOption: true },
} as const satisfies Record<string, Options>;

export const ROLLBACK = {
  channel: { ...A_CHANNEL, describe: 'channel that goes back', demandOption: true },
} as const satisfies Record<string, Options>;

export const WITHDRAW = {
  reason: {
    type: 'string',
    describe: 'why; it is written on the image',
    demandOption: true,
    requiresArg: true,
  },
} as const satisfies Record<string, Options>;

export const PRUNE = {
  region: { ...REGIONS.region, describe: 'region of hosts.yaml; repeatable', defaultDescription: 'local' },
  'all-regions': { type: 'boolean', describe: 'every region of hosts.yaml', default: false },
  'older-than': {
    type: 'string',
    describe: 'only images that are older: 45d, 12h; one without a verdict has to be a day old at least',
    defaultDescription: '30d',
    requiresArg: true,
  },
  keep: {
    type: 'number',
    describe: 'how many of the newest good images of each profile stay in each region; one always does',
    default: 5,
    requiresArg: true,
  },
  channel: {
    type: 'string',
    choices: [...CHANNELS, 'none'],
    describe: 'only images that came as far as this channel and no further',
    requiresArg: true,
  },
  yes: { alias: 'y', type: 'boolean', describe: 'delete them; without it they are only shown', default: false },
} as const satisfies Record<string, Options>;

export const YES = {
  yes: { alias: 'y', type: 'boolean', describe: 'do not ask', default: false },
} as const satisfies Record<string, Options>;

export const DRY_RUN = {
  'dry-run': { type: 'boolean', default: false, describe: 'only list it' },
} as const satisfies Record<string, Options>;

const NIGHTLY_ITEMS = {
  region: {
    ...COMMON.region,
    array: true,
    describe: "region of hosts.yaml (default: what hosts.yaml's `nightly` says, else the lab); repeatable",
    defaultDescription: undefined,
  },
  profile: {
    ...COMMON.profile,
    array: true,
    describe: "profile of hosts.yaml (default: what `nightly` says, else the region's); repeatable",
  },
  config: COMMON.config,
} as const satisfies Record<string, Options>;

export const NIGHTLY = {
  ...NIGHTLY_ITEMS,
  ...FORCE,
  'dry-run': { type: 'boolean', describe: 'only plan', default: false },
  jobs: {
    alias: 'j',
    type: 'number',
    describe: 'how many images are baked and proven at once',
    default: 4,
    requiresArg: true,
  },
  summary: { type: 'string', describe: 'append the summary to this file, as Markdown', requiresArg: true },
  artifacts: {
    type: 'string',
    describe: 'write report, summary, plans and records to this folder',
    requiresArg: true,
  },
  matrix: { type: 'boolean', describe: "only print the matrix of a workflow's jobs, as JSON", default: false },
} as const satisfies Record<string, Options>;

export const NIGHTLY_ISSUE = {
  ...NIGHTLY_ITEMS,
  summaries: {
    type: 'string',
    describe: 'folder with the --artifacts of the jobs of a night',
    demandOption: true,
    requiresArg: true,
  },
  'dry-run': { type: 'boolean', describe: 'only say what would be done', default: false },
} as const satisfies Record<string, Options>;
