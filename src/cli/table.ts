import type { Options } from 'yargs';
import {
  ALONE,
  BOOTSTRAP,
  CHANNEL,
  CHECK_PROFILE,
  COMMON,
  COMPLETION,
  DEV_HOST_ALL,
  DEV_HOST_EXTEND,
  DEV_HOST_LIST,
  DEV_HOST_SSH_CONFIG,
  DEV_HOST_START,
  DEV_HOST_STREAM,
  DEV_HOST_SYNC,
  DEV_HOST_UP,
  DRY_RUN,
  FORCE,
  KEEP,
  LAB_SOURCES,
  LAYERS,
  NIGHTLY,
  NIGHTLY_ISSUE,
  OR_REGION,
  OUT,
  OUTPUT,
  PLAN,
  PROMOTE,
  PRUNE,
  REGIONS,
  ROLLBACK,
  SBOM_OUT,
  SINCE,
  SMOKE,
  TELL,
  USER_DATA,
  VERIFY,
  VULNERABILITIES,
  WEBSERVER,
  WITHDRAW,
  YES,
} from './options.ts';
import type { VerbModule } from './verb-module.ts';

type Run = (argv: Record<string, unknown>) => Promise<number>;

/** A row of the table. `load` only imports the verb, so that `--help` loads nothing of its work. */
type Row = {
  readonly command: string | string[];
  readonly describe: string;
  readonly options: Readonly<Record<string, Options>>;
  readonly load: () => Promise<Run>;
  readonly takesCommand?: true;
};

type Group = { readonly command: string; readonly describe: string; readonly members: readonly Row[] };

function verb(command: string | string[], describe: string, options: Row['options'], load: Row['load']): Row {
  return { command, describe, options, load };
}

function group(command: string, describe: string, members: readonly Row[]): Group {
  return { command, describe, members };
}

/** The command line as data: all verbs, in the order in which the flow runs them. */
const TABLE: readonly (Row | Group)[] = [
  verb(
    'ami',
    'bake an image and prove it (= bake + smoke), unless one with the same digest is there',
    { ...COMMON, ...OR_REGION, ...PLAN, ...LAB_SOURCES, ...LAYERS, ...FORCE, ...KEEP, ...OUTPUT },
    async () => (await import('./verbs/ami.ts')).ami,
  ),
  verb(
    'check',
    'look for mistakes in hosts.yaml alone; asks nobody, starts nothing',
    { profile: CHECK_PROFILE, config: COMMON.config, json: OUTPUT.json, debug: OUTPUT.debug },
    async () => (await import('./verbs/check.ts')).check,
  ),
  verb(
    'plan',
    'print what a bake will do, and write plan.json',
    { ...COMMON, ...LAB_SOURCES, ...SINCE, ...OUTPUT, ...OUT },
    async () => (await import('./verbs/plan.ts')).plan,
  ),
  verb(
    'render',
    'write plan.json, the Packer template and the bundle',
    { ...COMMON, ...PLAN, ...LAB_SOURCES, ...OUTPUT, ...OUT },
    async () => (await import('./verbs/plan.ts')).render,
  ),
  verb(
    'bake',
    'bake an image without proving it, unless one with the same digest is there',
    { ...COMMON, ...OR_REGION, ...PLAN, ...LAB_SOURCES, ...LAYERS, ...FORCE, ...KEEP, ...OUTPUT },
    async () => (await import('./verbs/bake.ts')).bakeOnly,
  ),
  verb(
    'smoke <image>',
    'prove an image: boot gate, cluster, build and stream',
    { ...COMMON, ...PLAN, ...LAB_SOURCES, ...KEEP, ...OUTPUT, ...SMOKE },
    async () => (await import('./verbs/smoke.ts')).smokeOnly,
  ),
  group('nightly', 'every night: bake what changed, prove it, release it to the channel nightly, sweep', [
    verb(
      ['run', '$0'],
      'plan everything, bake and prove what changed, release it to the channel nightly, sweep',
      { ...NIGHTLY, ...LAB_SOURCES, ...OUTPUT },
      async () => (await import('./verbs/nightly.ts')).nightly,
    ),
    verb(
      'issue',
      'open, update or close the issue of each profile and region in the repository of the workflow',
      { ...NIGHTLY_ISSUE, json: OUTPUT.json, debug: OUTPUT.debug },
      async () => (await import('./verbs/nightly-issue.ts')).issue,
    ),
  ]),
  group('image', 'images that were baked here', [
    verb(
      'list',
      'list the images of a region, with their verdicts',
      { ...COMMON, ...OUTPUT },
      async () => (await import('./verbs/image.ts')).list,
    ),
    verb(
      'show <image>',
      'show an image, with every check, version and timing',
      { ...OUTPUT },
      async () => (await import('./verbs/image.ts')).show,
    ),
    verb(
      'sbom <image>',
      'print what is on an image as a bill of materials (CycloneDX)',
      { ...OUTPUT, ...SBOM_OUT },
      async () => (await import('./verbs/image-explained.ts')).sbom,
    ),
    verb(
      'diff <image> [other]',
      'show what changed between two images, or since the one before that passed',
      { ...OUTPUT },
      async () => (await import('./verbs/image-explained.ts')).diff,
    ),
    verb(
      'vulnerabilities <image>',
      'list what the distribution knows of vulnerabilities in the packages of an image',
      { ...OUTPUT, ...VULNERABILITIES },
      async () => (await import('./verbs/image-explained.ts')).vulnerabilities,
    ),
    verb(
      'verify <image>',
      'compare an image with its record, its provenance and the signature of that',
      { ...COMMON, ...OUTPUT, ...VERIFY },
      async () => (await import('./verbs/verify-image.ts')).verify,
    ),
    verb(
      'delete <image>',
      'remove an image, its snapshots and its record; asks first',
      { ...COMMON, ...OUTPUT, ...YES },
      async () => (await import('./verbs/delete-image.ts')).remove,
    ),
  ]),
  group('release', 'images that are handed on: copied, proven, published in channels', [
    verb(
      'run <image>',
      'prove, copy, share and publish an image in all regions of its profile; goes on where it was interrupted',
      { ...COMMON, ...PLAN, ...CHANNEL, ...KEEP, ...OUTPUT },
      async () => (await import('./verbs/release.ts')).run,
    ),
    verb(
      'status',
      'show what the channels of a profile name in each region, and releases under way',
      { ...COMMON, ...OUTPUT },
      async () => (await import('./verbs/release.ts')).status,
    ),
    verb(
      'promote',
      'have a channel name the image of another one, in all regions',
      { ...COMMON, ...REGIONS, ...OUTPUT, ...PROMOTE },
      async () => (await import('./verbs/release-moves.ts')).promote,
    ),
    verb(
      'rollback',
      'have a channel name the good image before this one, in all regions',
      { ...COMMON, ...REGIONS, ...OUTPUT, ...ROLLBACK },
      async () => (await import('./verbs/release-moves.ts')).rollback,
    ),
    verb(
      'withdraw <image>',
      'take an image and its copies back: pointers, sharing, and who uses it still; asks first',
      { config: COMMON.config, ...REGIONS, ...OUTPUT, ...WITHDRAW, ...YES },
      async () => (await import('./verbs/release-withdraw.ts')).withdraw,
    ),
  ]),
  verb(
    'prune',
    'show the images that nothing needs, with what they cost; --yes deletes them',
    { ...COMMON, ...OUTPUT, ...PRUNE },
    async () => (await import('./verbs/prune.ts')).prune,
  ),
  group('dev-host', 'development hosts: your own sandboxes, which stop by themselves', [
    verb(
      'up [names..]',
      'bring up dev hosts; ends when Docker (and the GPU) answers on them and the repository is there',
      { ...COMMON, ...LAB_SOURCES, ...OUTPUT, ...DEV_HOST_UP },
      async () => (await import('./verbs/dev-host-up.ts')).up,
    ),
    verb(
      'list',
      'list your dev hosts of a region, and when they stop',
      { ...COMMON, ...OUTPUT, ...DEV_HOST_LIST },
      async () => (await import('./verbs/dev-host.ts')).list,
    ),
    verb(
      'connect [name]',
      'open a shell on a dev host, in the repository',
      { ...COMMON, ...ALONE },
      async () => (await import('./verbs/dev-host-shell.ts')).connect,
    ),
    {
      ...verb(
        'exec [name]',
        'run what stands behind -- on a dev host; ends with its exit code',
        { ...COMMON, ...ALONE },
        async () => (await import('./verbs/dev-host-shell.ts')).exec,
      ),
      takesCommand: true,
    },
    verb(
      'forward [words..]',
      'make ports of a dev host ports of this machine, until Ctrl-C: [NAME] PORT[:REMOTE]...',
      { ...COMMON, ...OUTPUT },
      async () => (await import('./verbs/dev-host-forward.ts')).forward,
    ),
    verb(
      'sync [words..]',
      'keep a folder here and one there the same, both ways: [NAME] [FOLDER]',
      { ...COMMON, ...OUTPUT, ...DRY_RUN, ...DEV_HOST_SYNC },
      async () => (await import('./verbs/dev-host-sync.ts')).sync,
    ),
    verb(
      'ssh-config [name]',
      'print what ssh, and editors that use it, need to reach a dev host',
      { ...COMMON, ...OUTPUT, ...YES, ...DEV_HOST_SSH_CONFIG },
      async () => (await import('./verbs/dev-host-ssh-config.ts')).sshConfig,
    ),
    verb(
      'stream [name]',
      'build the base image on a dev host, run it, and show its stream; brings a host up where there is none',
      { ...COMMON, ...OUTPUT, ...DEV_HOST_STREAM },
      async () => (await import('./verbs/dev-host-stream.ts')).stream,
    ),
    verb(
      'stop [names..]',
      'stop dev hosts; what is on them stays',
      { ...COMMON, ...OUTPUT, ...DEV_HOST_ALL },
      async () => (await import('./verbs/dev-host.ts')).stop,
    ),
    verb(
      'start [names..]',
      'start dev hosts again, with their whole time before them',
      { ...COMMON, ...OUTPUT, ...DEV_HOST_ALL, ...DEV_HOST_START },
      async () => (await import('./verbs/dev-host.ts')).start,
    ),
    verb(
      'extend [names..]',
      'give dev hosts more time',
      { ...COMMON, ...OUTPUT, ...DEV_HOST_ALL, ...DEV_HOST_EXTEND },
      async () => (await import('./verbs/dev-host.ts')).extend,
    ),
    verb(
      'destroy [names..]',
      'remove dev hosts with everything that is on them; asks first',
      { ...COMMON, ...OUTPUT, ...DEV_HOST_ALL, ...YES },
      async () => (await import('./verbs/dev-host.ts')).destroy,
    ),
  ]),
  verb(
    'scripts',
    'write set-up scripts for a machine that one already has, each a single file',
    {
      config: COMMON.config,
      profile: { ...COMMON.profile, describe: 'profile of hosts.yaml (default: all of them)' },
      out: { ...OUT.out, describe: 'folder to write to (default: ./out/scripts)' },
      json: OUTPUT.json,
      debug: OUTPUT.debug,
    },
    async () => (await import('./verbs/scripts.ts')).scripts,
  ),
  verb(
    'user-data',
    'print the user data that makes a host out of an instance of the image',
    USER_DATA,
    async () => (await import('./verbs/user-data.ts')).userData,
  ),
  group('webserver', 'the reference webserver, which hosts shake hands with', [
    verb(
      ['serve', '$0'],
      'run the reference webserver, which hosts shake hands with, until Ctrl-C',
      { ...COMMON, ...OUTPUT, ...WEBSERVER },
      async () => (await import('./verbs/webserver.ts')).serve,
    ),
    verb(
      'hosts',
      'list the hosts that the webserver knows',
      { ...OUTPUT },
      async () => (await import('./verbs/webserver-orders.ts')).hosts,
    ),
    verb(
      'orders',
      'list what drain and revoke ordered, and serve and trust have not taken back',
      { ...OUTPUT },
      async () => (await import('./verbs/webserver-orders.ts')).orders,
    ),
    verb(
      'tell <what>',
      'have the webserver answer handshakes otherwise; or drain, revoke, serve, trust or forget a host; or resume',
      { ...OUTPUT, ...TELL },
      async () => (await import('./verbs/webserver-orders.ts')).tell,
    ),
  ]),
  verb(
    'sweep',
    'remove what runs that are no longer alive left behind',
    { ...COMMON, ...OUTPUT, ...DRY_RUN },
    async () => (await import('./verbs/sweep.ts')).sweep,
  ),
  group('lab', 'the embedded EC2 on this machine', [
    verb('up', 'start the lab and leave it running', { ...OUTPUT }, async () => (await import('./verbs/lab.ts')).up),
    verb(
      'down',
      'stop the lab and all its machines; images stay',
      { ...OUTPUT },
      async () => (await import('./verbs/lab.ts')).down,
    ),
    verb('status', 'show what runs in the lab', { ...OUTPUT }, async () => (await import('./verbs/lab.ts')).status),
  ]),
  verb(
    'bootstrap',
    'make, check or take away what an account needs: groups, roles, logs, the trust for CI; asks first',
    { ...COMMON, ...OUTPUT, ...BOOTSTRAP },
    async () => (await import('./verbs/bootstrap.ts')).bootstrap,
  ),
  verb(
    'doctor',
    'look at every prerequisite, or with --region at all that a run there needs: found, needed, and the fix',
    {
      ...COMMON,
      region: { ...COMMON.region, describe: 'region of hosts.yaml to look at as well', defaultDescription: undefined },
      ...LAB_SOURCES,
      ...OUTPUT,
    },
    async () => (await import('./verbs/doctor.ts')).doctor,
  ),
  verb(
    'completion [shell]',
    'print what has bash, zsh or fish complete verbs, options and their values',
    COMPLETION,
    async () => (await import('./verbs/completion.ts')).completion,
  ),
];

/** The table as yargs takes it. `setExitCode` gets what the verb that ran says. */
export function commands(setExitCode: (code: number) => void): VerbModule[] {
  const asModule = ({ load, ...row }: Row): VerbModule => ({
    ...row,
    handler: async (argv) => {
      const run = await load();
      setExitCode(await run(argv));
    },
  });
  return TABLE.map((row) =>
    'members' in row ? { ...row, members: row.members.map(asModule), handler: () => {} } : asModule(row),
  );
}
