/** Why statements of provisioners/ run in no bake of the lab. */
type Reason = {
  readonly reason: string;
  /** Files, or what the paths of several begin with; all without it. */
  readonly files?: readonly string[];
  /** What the first line of the gap matches; all of the files without it. */
  readonly text?: RegExp;
};

function concern(name: string): string {
  return `provisioners/concerns/${name}.ts`;
}

function anyOf(...patterns: readonly RegExp[]): RegExp {
  return new RegExp(patterns.map(({ source }) => source).join('|'), 'i');
}

function lib(name: string): string {
  return `provisioners/lib/${name}.ts`;
}

/** A gap has the first that matches. What such statements do is seen by tests of test/provisioners. */
export const REASONS: readonly Reason[] = [
  {
    reason: 'sets up a machine that somebody has, and is carried to none that is baked (test/e2e/scripts.e2e.test.ts)',
    files: ['provisioners/standalone'],
  },
  {
    reason: 'says where the plan is made what a concern puts on the image (test/e2e/audit.e2e.test.ts)',
    files: ['provisioners/manifest.ts', 'provisioners/slow-layer.ts', lib('puts')],
  },
  {
    reason: 'says where the plan is made what a concern puts on the image (test/e2e/audit.e2e.test.ts)',
    text: anyOf(
      /puts|: Puts = |: Put\b|least|DropInFor\(target\)|variant === 'host' \? FILES/i,
      /const runc = runcOf\(source\)|ofTarget\(\{ target \}\)|= target\.userTools\.awsCli/,
      /renderDaemonConfig\(mergeDaemonConfig\(\{\}/,
    ),
  },
  {
    reason: 'of a development host, or of a machine that was one (test/e2e/dev-host.e2e.test.ts)',
    files: [concern('development'), lib('no-gate'), lib('docker-at-boot'), lib('systemd')],
    text: /takeGateAway|'no gate'|runsWith\(DOCKER|files\.map\(\(file\) => stat/,
  },
  {
    reason: 'of a development host, or of a machine that was one (test/e2e/dev-host.e2e.test.ts)',
    text: /DEVELOPMENT|'development'|verifyFromBoot/,
  },
  {
    reason: 'of a machine that somebody has and sets up (test/e2e/scripts.e2e.test.ts)',
    text: /stage === 'set-up'|sshUser === null|'unknown to dpkg'|this machine has no EC2|dpkg-divert/,
  },
  {
    reason: 'of a kernel of its own: machines of the lab that bakes run in share theirs',
    files: [concern('limits'), lib('open-files'), lib('sysctl')],
    text: /managerLimit|wantedSysctls|MANAGER_LINE|^return text$/,
  },
  {
    reason: 'the base image has no limit of its own to compare with',
    files: [concern('limits'), lib('open-files')],
    text: /Math\.max|numberOf\(value\)|readdir\(folder\)/,
  },
  {
    reason: 'of an image without a swap file, or with options of the driver: no profile of the lab has one',
    files: [concern('limits'), concern('nvidia')],
    text: /swapMiB === 0|'no swap file'|MODULE_OPTIONS/,
  },
  {
    reason: "of a host service of the user's own (test/e2e/scripts.e2e.test.ts)",
    files: [concern('host-service')],
    text: /program of the user's own/,
  },
  {
    reason: 'of a driver that asks for a licence: only virtual GPUs have one',
    files: [concern('nvidia'), lib('nvidia-states')],
    text: /licence|License/,
  },
  {
    reason: 'of an agent that has run: the image is looked at before its first grant',
    files: [concern('ecs-agent')],
    text: /birthtime|entry\.isDirectory|\(\{ path \}\) => path|bornMs/,
  },
  {
    reason: 'of security updates: the base images of the lab are made of the newest packages',
    files: [concern('base'), lib('security-updates')],
    text: /from|updates \?\? /,
  },
  {
    reason: 'of several kernels, or modules beside the driver: the base images of the lab have one and none',
    files: [lib('nvidia-decisions'), lib('nvidia-states')],
    text: /const parts = |\(name !== module|kernel === undefined|return state/,
  },
  {
    reason: 'of rotated logs and what else a base image brings that booted before it became one',
    files: [concern('clean')],
    text: /await rm\(path|stat\(path\)\.catch|lstat\(dbus\)/,
  },
  {
    reason: 'removes a package that would stand in the way; no base image of the lab has one',
    files: [lib('apt')],
    text: /apt-get \$\{APT_OPTIONS\} remove/,
  },
  {
    reason: 'of a machine without a GPU: profiles with a driver boot on such as have one',
    files: [concern('nvidia'), lib('nvidia-states')],
    text: /^const reason = 'not here/,
  },
  {
    reason: 'of packages that are all carried, as the fast layer of a profile whose agent is carried has them',
    files: [concern('packages'), lib('apt')],
    text: /file !== undefined\);|\(\) => (true|false),/,
  },
  {
    reason: 'where it was done before: a bake begins on a base image, and does everything once',
    text: anyOf(
      /return (false|isChanged|null|\[\]|concerns|0|);?$|=== 'enabled'\)|isThere|if \((isChanged|isInstalled)/,
      /exists\(POLICY\)|hasAside|doneWhen: |readImage\(\)\.catch|initrd\.img/,
    ),
  },
  {
    reason: 'of an agent whose package has a pinned sum, or is carried and comes in anew',
    files: [concern('ecs-agent')],
    text: /sha256 !== null|source === 'lab-stand-in'\) return;/,
  },
  {
    reason: 'of a machine on which cloud-init did not run',
    files: [lib('cloud-init')],
    text: /text === null/,
  },
  {
    reason: 'of keys with subkeys, as those of the official hosts may be',
    files: [lib('gpg')],
    text: /'sub'/,
  },
  {
    reason: 'for whoever calls it by hand',
    files: ['provisioners/command.ts'],
    text: /'--target'/,
  },
  {
    reason: 'of a slow layer or a dev host, which have no agent, and nothing that is large',
    files: [concern('nvidia'), lib('apt'), lib('download')],
    text: /includes\('ecs-agent'\)\) return|length === 0\) return;/,
  },
  {
    reason: 'what no run calls: a concern that only looks has nothing to apply, and the other way round',
    files: [concern('packages')],
    text: /verify: async \(\) => undefined/,
  },
  {
    reason: 'only where something is wrong; what the lab bakes and boots is right',
    text: anyOf(
      /throw |ToolError|(mistakes|on|found|bad|strange|older)\.push|complain\(|stderr|\.catch\(|=> null,/,
      /others\.length|end\('failed'|report\(\{|isGood|rm\(file|const lines = output|const older|different\.map/,
      /wordsOf|valid === undefined|const \[expired/,
    ),
  },
];

/** @param text the first line of the gap */
export function reasonFor(path: string, text: string): Reason | undefined {
  return REASONS.find(
    ({ files, text: pattern }) =>
      (files?.some((file) => path.startsWith(file)) ?? true) && (pattern?.test(text) ?? true),
  );
}
