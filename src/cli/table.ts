import type { Options } from 'yargs';
import type { VerbModule } from './verb-module.ts';

/**
 * The command line as data. A handler only imports its verb and passes the arguments on; everything a user can type stands here.
 */
const COMMON = {
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

const OUTPUT = {
  json: { type: 'boolean', describe: 'results (and events of long work) as JSON on stdout', default: false },
  plain: { type: 'boolean', describe: 'plain progress lines, also on a terminal', default: false },
  debug: {
    type: 'boolean',
    describe: 'on failure also the stack, and a command that repeats the failing step where there is one',
    default: false,
  },
} as const satisfies Record<string, Options>;

const PLAN = {
  plan: { type: 'string', describe: 'follow this plan.json; hosts.yaml is not read', requiresArg: true },
} as const satisfies Record<string, Options>;

const OUT = {
  out: { alias: 'o', type: 'string', describe: 'folder to write to (default: ./out)', requiresArg: true },
} as const satisfies Record<string, Options>;

const WEBSERVER = {
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
    describe: 'seconds of silence after which a host is terminated; 0 for never',
    default: 0,
    requiresArg: true,
  },
} as const satisfies Record<string, Options>;

const USER_DATA = {
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
  ecs: { type: 'string', array: true, describe: 'NAME=VALUE for ecs.config; repeatable', requiresArg: true },
  json: { type: 'boolean', describe: 'a document with the text, also in base64 for a launch template', default: false },
  debug: OUTPUT.debug,
} as const satisfies Record<string, Options>;

const BOOTSTRAP = {
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

const TELL = {
  what: {
    type: 'string',
    choices: ['grant', 'deny', 'delay', 'error', 'nonsense', 'drain', 'revoke', 'serve', 'trust', 'forget', 'resume'],
    demandOption: true,
  },
  instance: { alias: 'i', type: 'string', describe: 'only this instance', requiresArg: true },
  reason: { type: 'string', describe: 'for deny, drain and revoke', requiresArg: true },
  ms: { type: 'number', describe: 'how long delay takes', default: 5000, requiresArg: true },
} as const satisfies Record<string, Options>;

type Verb = (argv: Record<string, unknown>) => Promise<number>;

function verb(
  command: string | string[],
  describe: string,
  builder: Record<string, Options>,
  load: () => Promise<Verb>,
  setExitCode: (code: number) => void,
): VerbModule {
  return {
    command,
    describe,
    options: builder,
    handler: async (argv) => {
      const run = await load();
      setExitCode(await run(argv));
    },
  };
}

/** All verbs, in the order in which the flow runs them. */
export function commands(setExitCode: (code: number) => void): VerbModule[] {
  const make = (
    command: string | string[],
    describe: string,
    builder: Record<string, Options>,
    load: () => Promise<Verb>,
  ) => verb(command, describe, builder, load, setExitCode);
  const group = (command: string, describe: string, members: VerbModule[]): VerbModule => ({
    command,
    describe,
    members,
    handler: () => {},
  });
  return [
    make(
      'ami',
      'bake an image and prove it (= bake + smoke)',
      { ...COMMON, ...PLAN, ...OUTPUT },
      async () => (await import('./verbs/ami.ts')).ami,
    ),
    make(
      'check',
      'look for mistakes in hosts.yaml alone; asks nobody, starts nothing',
      { config: COMMON.config, json: OUTPUT.json, debug: OUTPUT.debug },
      async () => (await import('./verbs/check.ts')).check,
    ),
    make(
      'plan',
      'print what a bake will do, and write plan.json',
      { ...COMMON, ...OUTPUT, ...OUT },
      async () => (await import('./verbs/plan.ts')).plan,
    ),
    make(
      'render',
      'write the Packer template and the bundles',
      { ...COMMON, ...PLAN, ...OUTPUT, ...OUT },
      async () => (await import('./verbs/plan.ts')).render,
    ),
    make(
      'bake',
      'bake an image without proving it',
      { ...COMMON, ...PLAN, ...OUTPUT },
      async () => (await import('./verbs/bake.ts')).bakeOnly,
    ),
    make(
      'smoke <image>',
      'prove an image: boot gate, cluster, build and stream',
      {
        ...COMMON,
        ...PLAN,
        ...OUTPUT,
        only: {
          type: 'string',
          describe: 'comma-separated parts: gate,cluster,network,verify,workload',
          requiresArg: true,
        },
      },
      async () => (await import('./verbs/smoke.ts')).smokeOnly,
    ),
    group('image', 'images that were baked here', [
      make(
        'list',
        'the images of a region, with their verdicts',
        { ...COMMON, ...OUTPUT },
        async () => (await import('./verbs/image.ts')).list,
      ),
      make(
        'show <image>',
        'one image, with every check and version',
        { ...OUTPUT },
        async () => (await import('./verbs/image.ts')).show,
      ),
      make(
        'delete <image>',
        'remove an image, its snapshots and its record; asks first',
        { ...COMMON, ...OUTPUT, yes: { alias: 'y', type: 'boolean', describe: 'do not ask', default: false } },
        async () => (await import('./verbs/delete-image.ts')).remove,
      ),
    ]),
    make(
      'user-data',
      'print the user data that makes a host out of an instance of the image',
      USER_DATA,
      async () => (await import('./verbs/user-data.ts')).userData,
    ),
    group('webserver', 'the reference webserver, which hosts shake hands with', [
      make(
        ['serve', '$0'],
        'run it until Ctrl-C',
        { ...COMMON, ...OUTPUT, ...WEBSERVER },
        async () => (await import('./verbs/webserver.ts')).serve,
      ),
      make('hosts', 'the hosts that it knows', { ...OUTPUT }, async () => (await import('./verbs/webserver.ts')).hosts),
      make(
        'orders',
        'what drain and revoke ordered, until serve and trust take it back',
        { ...OUTPUT },
        async () => (await import('./verbs/webserver.ts')).orders,
      ),
      make(
        'tell <what>',
        'what it answers handshakes with from now on; or drain, revoke, serve, trust or forget a host; or resume',
        { ...OUTPUT, ...TELL },
        async () => (await import('./verbs/webserver.ts')).tell,
      ),
    ]),
    make(
      'sweep',
      'remove what runs that are no longer alive left behind',
      { ...COMMON, ...OUTPUT, 'dry-run': { type: 'boolean', default: false, describe: 'only list it' } },
      async () => (await import('./verbs/sweep.ts')).sweep,
    ),
    group('lab', 'the embedded EC2', [
      make('up', 'start the lab and leave it running', { ...OUTPUT }, async () => (await import('./verbs/lab.ts')).up),
      make(
        'down',
        'stop the lab and all its machines; images stay',
        { ...OUTPUT },
        async () => (await import('./verbs/lab.ts')).down,
      ),
      make('status', 'what runs in the lab', { ...OUTPUT }, async () => (await import('./verbs/lab.ts')).status),
    ]),
    make(
      'bootstrap',
      'make or check what an account needs: groups, roles, logs, the trust for CI; asks first',
      { ...COMMON, ...OUTPUT, ...BOOTSTRAP },
      async () => (await import('./verbs/bootstrap.ts')).bootstrap,
    ),
    make(
      'doctor',
      'every prerequisite: found, needed, and the fix',
      { ...OUTPUT },
      async () => (await import('./verbs/doctor.ts')).doctor,
    ),
  ];
}
