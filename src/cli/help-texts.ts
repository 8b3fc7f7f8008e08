import { projectFolder } from '../io/paths.ts';
import { wrapText } from '../io/text.ts';

/** Examples of every verb, each a line that can be typed and what it does. */
export const EXAMPLES: Readonly<Record<string, readonly (readonly [string, string])[]>> = {
  ami: [
    ['ecs-host ami', 'in the lab, on this machine'],
    ['ecs-host ami --region us-east-2 --profile g3s-focal', 'on AWS'],
    ['ecs-host ami --region us-east-2 --or-region us-east-1', 'in the second where the first has no room'],
    ['ecs-host ami --force', 'also where nothing has changed since the last one'],
  ],
  check: [
    ['ecs-host check --config hosts.yaml', 'look for mistakes; no credentials, no lab, no root'],
    ['ecs-host check --profile g6-noble', 'the profile with all that it has from the ones that it is like'],
  ],
  plan: [
    ['ecs-host plan --region us-east-2', 'what a bake there would do'],
    ['ecs-host plan --since', 'what changed since the newest image that passed'],
  ],
  render: [['ecs-host render --out out', 'look at what Packer gets']],
  bake: [['ecs-host bake --profile cpu-bookworm', 'an image without a verdict']],
  smoke: [
    ['ecs-host smoke ami-0123456789abcdef0', 'prove an image once more'],
    ['ecs-host smoke ami-0123456789abcdef0 --only gate,cluster', 'only two of its parts'],
  ],
  'nightly run': [
    ['ecs-host nightly', "what hosts.yaml's `nightly` says; without it, the lab"],
    ['ecs-host nightly --profile g6-noble --region us-east-2 --region us-east-1', 'one profile in two regions'],
    ['ecs-host nightly --dry-run --summary night.md', 'what it would do, and why'],
  ],
  'nightly issue': [['ecs-host nightly issue --summaries artifacts --dry-run', 'what it would do to which issue']],
  'image list': [['ecs-host image list --region us-east-2', 'the images there, with verdicts']],
  'image show': [['ecs-host image show ami-0123456789abcdef0 --json', 'the whole record']],
  'image sbom': [['ecs-host image sbom ami-0123456789abcdef0 --out image.cdx.json', 'for a scanner, or an audit']],
  'image diff': [
    ['ecs-host image diff ami-0123456789abcdef0', 'since the last one of its profile that passed'],
    ['ecs-host image diff ami-0123456789abcdef0 ami-0fedcba9876543210', 'from the older to the newer'],
  ],
  'image vulnerabilities': [['ecs-host image vulnerabilities ami-0123456789abcdef0', 'worst first']],
  'image verify': [
    ['ecs-host image verify ami-0123456789abcdef0 --key image.pub.pem', 'exits with 4 when something is not as it was'],
  ],
  'image delete': [
    ['ecs-host image delete ami-0123456789abcdef0 --region us-east-2', 'asks before it removes the image'],
  ],
  'release run': [
    ['ecs-host release run ami-0123456789abcdef0 --region us-east-2', 'to the nightly channel'],
    ['ecs-host release run ami-0123456789abcdef0 --region us-east-2 --channel stable', 'straight to stable'],
  ],
  'release status': [['ecs-host release status --region us-east-2 --profile g6-noble', 'of all its regions']],
  'release promote': [
    ['ecs-host release promote --from nightly --to stable', 'in every region, or in none'],
    ['ecs-host release promote --from beta --to stable --region us-east-2', 'in one region'],
  ],
  'release rollback': [['ecs-host release rollback --channel stable', 'once more goes further back']],
  'release withdraw': [
    ["ecs-host release withdraw ami-0123456789abcdef0 --reason 'kernel panics'", 'with its copies; asks first'],
  ],
  prune: [
    ['ecs-host prune --region us-east-2', 'what would go, and what it costs'],
    ['ecs-host prune --all-regions --older-than 60d --keep 3 --yes', 'deletes it'],
    ['ecs-host prune --all-regions --channel none', 'only what was never released'],
  ],
  'dev-host up': [
    ['ecs-host dev-host up', 'one named dev, in the lab'],
    ['ecs-host dev-host up alice bob --region us-east-2 --ttl 2d --idle 2h', 'two on AWS'],
    [
      'ecs-host dev-host up --from-base --authorize ~/.ssh/id_ed25519.pub',
      'from the stock image, for another key, too',
    ],
  ],
  'dev-host list': [['ecs-host dev-host list --region us-east-2', 'yours there']],
  'dev-host connect': [['ecs-host dev-host connect', 'on the only one that you have']],
  'dev-host exec': [
    ['ecs-host dev-host exec dev -- docker ps', 'with a terminal where there is one here'],
    [`ecs-host dev-host exec dev -- 'cd container-images && git log' > log`, 'a line for a shell; without a terminal'],
  ],
  'dev-host forward': [['ecs-host dev-host forward dev 8080 9000:80', '127.0.0.1:9000 here is port 80 there']],
  'dev-host sync': [
    ['ecs-host dev-host sync dev . --watch', 'this folder, until Ctrl-C'],
    ['ecs-host dev-host sync dev ./app --to src/app --dry-run', 'what would be done'],
    ['ecs-host dev-host sync --prefer here', 'where both sides changed, take what is here'],
  ],
  'dev-host ssh-config': [
    ['ecs-host dev-host ssh-config dev', 'prints a block for ~/.ssh/config'],
    ['ecs-host dev-host ssh-config --install', 'then `ssh ecs-host-dev`, VS Code and JetBrains reach it'],
  ],
  'dev-host stream': [
    ['ecs-host dev-host stream', 'in a player, or in a page in the browser'],
    ['ecs-host dev-host stream dev --frames 60', 'for scripts: 0 when 60 frames show something that moves, else 3'],
  ],
  'dev-host stop': [['ecs-host dev-host stop dev', 'from then on only its volume costs']],
  'dev-host start': [['ecs-host dev-host start dev --ttl 3h', 'for three hours']],
  'dev-host extend': [['ecs-host dev-host extend dev --by 2h', 'two hours more']],
  'dev-host destroy': [['ecs-host dev-host destroy --all --yes', 'all of yours in the lab']],
  scripts: [['ecs-host scripts --profile g3s-focal', 'setup_ubuntu20_host and setup_ubuntu20_ami_host']],
  'user-data': [
    [
      'ecs-host user-data --cluster streaming --webserver-url https://web.example.com:8443 --environment prod',
      'for a launch template',
    ],
    [
      `ecs-host user-data --cluster c --webserver-url https://10.0.0.7 --ecs 'ECS_INSTANCE_ATTRIBUTES={"gpu":"m60"}'`,
      'with a setting of the agent',
    ],
  ],
  'webserver serve': [['ecs-host webserver --address 10.0.0.7 --port 8443', 'let hosts shake hands']],
  'webserver hosts': [['ecs-host webserver hosts --json', 'who has shaken hands']],
  'webserver orders': [['ecs-host webserver orders', 'what still stands of drain and revoke']],
  'webserver tell': [['ecs-host webserver tell drain --instance i-0123456789abcdef0', 'let a host finish and leave']],
  sweep: [['ecs-host sweep --region us-east-2 --dry-run', 'what dead runs left behind']],
  'lab up': [['ecs-host lab up', 'a lab that stays until `ecs-host lab down`']],
  'lab down': [['ecs-host lab down', 'images stay']],
  'lab status': [['ecs-host lab status --json', 'machines and processes']],
  bootstrap: [
    [
      'ecs-host bootstrap --region us-east-2 --clients 203.0.113.0/24 --webserver 198.51.100.7/32',
      'shows what is missing, asks, makes it',
    ],
    ['ecs-host bootstrap --region us-east-2 --clients 0.0.0.0/0 --dry-run', 'open to everybody; only shown'],
    [
      'ecs-host bootstrap --region us-east-2 --clients 203.0.113.0/24 --ci-repository octo-org/hosts --template account.json',
      'the same for CloudFormation',
    ],
    ['ecs-host bootstrap --region us-east-2 --destroy', 'takes away what it made'],
  ],
  doctor: [['ecs-host doctor', 'what is missing on this machine, and the fix']],
  completion: [
    ['ecs-host completion bash >> ~/.bashrc', 'for bash'],
    ['ecs-host completion zsh >> ~/.zshrc', 'for zsh'],
    ['ecs-host completion fish > ~/.config/fish/completions/ecs-host.fish', 'for fish'],
  ],
};

const EXIT_CODES_TEXT =
  'Exit codes: 0 done, 1 a bug in ecs-host, 2 yours to fix, 3 an outside tool or service failed, 4 the image failed its verdict, 130 interrupted.';

const ENVIRONMENT: readonly (readonly [string, string])[] = [
  ['ECS_HOST_STATE', "folder of records, runs and the lab's images (~/.local/state/ecs-host)"],
  ['ECS_HOST_CACHE', 'folder of downloads and builds (~/.cache/ecs-host)'],
  ['ECS_HOST_LAB_NETWORK', 'network of the lab (10.79), which finds a free one by itself'],
  ['ECS_HOST_SOURCES', 'where the lab takes base images from: auto, official, stand-in'],
  ['ECS_HOST_OWNER', 'whose dev hosts are meant, in place of who asks the API'],
  ['ECS_HOST_SIGNING_KEY', 'PEM of the private key that provenance is signed with (ed25519, ECDSA P-256)'],
  ['AWS_ENDPOINT_URL', "an API in place of the region's own; only AWS's own gets real credentials"],
  ['AWS_PROFILE, AWS_*', 'credentials, as every AWS SDK finds them'],
  ['NO_COLOR', 'no colours on a terminal'],
];

/**
 * Where to read on, and where a problem is told. The address is that of the checkout, which may be a fork or a private
 * copy.
 */
export function linksText(width: number): string {
  const lines = [
    `Documentation: ${projectFolder()}/README.md and docs/`,
    `Problems: an issue in the repository of this checkout (\`git -C ${projectFolder()} remote -v\`)`,
  ];
  return lines.flatMap((line) => wrapText(line, width, '  ')).join('\n');
}

/** What stands below the list of verbs. */
export function programEpilogue(width: number): string {
  const names = ENVIRONMENT.map(([name]) => name.length);
  const column = Math.max(...names) + 4;
  const environment = ENVIRONMENT.flatMap(([name, says]) =>
    wrapText(`  ${name.padEnd(column - 2)}${says}`, width, ' '.repeat(column)),
  );
  return [
    wrapText(EXIT_CODES_TEXT, width, '  ').join('\n'),
    ['Environment:', ...environment].join('\n'),
    linksText(width),
  ].join('\n\n');
}

/** What a verb's name cannot say, above its options. */
export const DETAILS: Readonly<Record<string, string>> = {
  'dev-host exec':
    "ecs-host dev-host exec [name] -- COMMAND [ARGUMENT...]\n\nThe exit code is the command's own; 2 and 3 with an error on stderr when it did not get that far, or when the connection broke. Arguments arrive as they are, whatever they hold; one word alone is a line for a shell there.",
  'dev-host forward':
    'ecs-host dev-host forward [NAME] PORT[:REMOTE]...\n\nIt listens on 127.0.0.1 only. A connection that breaks is made again.',
  'dev-host sync':
    'ecs-host dev-host sync [NAME] [FOLDER]\n\nFOLDER has a slash in it (./app) or is a dot; without one it is the folder where you are. What git ignores is left alone on both sides, and so is .git. What changed on both sides since the last time is reported and left alone. See docs/dev-host-sync.md.',
  plan: 'It asks the API of the region for the base image, the security group and where there may be room; for `local` it starts the lab, which needs root.',
};
