import { onHost } from './host-paths.ts';
import type { ProvisionerName, Variant } from './provisioners.ts';

/**
 * What a standalone script takes and says of itself: its header (sh) prints the help, and the program that it carries
 * (provisioners/standalone.ts) reads the options.
 */
type SetupOption = { readonly takes?: string; readonly short?: string; readonly help: string };

export const SETUP_LOG = '/var/log/ecs-host-setup.log';

export const SETUP_OPTIONS = {
  help: { short: 'h', help: 'this text' },
  'dry-run': { help: 'say what would be done; change nothing' },
  only: { takes: 'A,B', help: 'only these parts, in the order below' },
  skip: { takes: 'A,B', help: 'all parts but these' },
  yes: { short: 'y', help: 'do not ask' },
  reboot: { help: 'reboot at the end where that is needed; --yes alone does not' },
  log: { takes: 'FILE', help: `in place of ${SETUP_LOG}` },
} as const satisfies Readonly<Record<string, SetupOption>>;

/** The parts that a person may name: all but `verify`, which looks at those that were applied. */
export type SetupPart = Exclude<ProvisionerName, 'verify'>;

const PARTS: Readonly<Record<SetupPart, string>> = {
  base: 'apt settings, package lists, tools; automatic upgrades are switched off',
  docker: 'Docker behind the gate, started by the host service alone; other Dockers are removed',
  nvidia: 'driver and container toolkit, held at their versions; nouveau is kept out',
  'ecs-agent': "Amazon's ECS agent behind its gate",
  'host-service': 'the service that shakes hands, and then starts Docker and the agent',
  'imds-block': 'containers do not reach the metadata service',
  limits: 'kernel settings, open files, journal, log rotation, swap',
  'user-tools': 'AWS CLI, git, jq, openssl, rclone, rsync',
  'record-versions': `what is on the machine, written to ${onHost('image.json')}`,
  clean: "REMOVES ssh keys, host keys, logs and the machine's identity, for making an image of it",
  development: 'Docker without a gate, you in group docker, containers are made ready',
};

/** `clean` would lock people out of a machine that they have: only who asks for it gets it. */
export const ONLY_WHEN_NAMED: readonly SetupPart[] = ['clean'];

export function partText(part: SetupPart, variant: Variant): string {
  return part === 'docker' && variant === 'development'
    ? 'Docker, running from the boot on; other Dockers are removed'
    : PARTS[part];
}

const WIDTH = 80;

function wrap(text: string, width: number): string[] {
  const lines = [''];
  for (const word of text.split(' ')) {
    const last = lines.at(-1) ?? '';
    if (last !== '' && last.length + 1 + word.length > width) lines.push(word);
    else lines[lines.length - 1] = last === '' ? word : `${last} ${word}`;
  }
  return lines;
}

/** Rows of two columns, of which the second wraps; no line is wider than 80. */
export function columns(rows: readonly (readonly [string, string])[]): string[] {
  const left = Math.max(...rows.map(([name]) => name.length));
  return rows.flatMap(([name, text]) =>
    wrap(text, WIDTH - left - 4).map((line, at) => `  ${(at === 0 ? name : '').padEnd(left)}  ${line}`),
  );
}

export type SetupScript = {
  readonly name: string;
  readonly system: string;
  readonly variant: Variant;
  readonly parts: readonly SetupPart[];
};

export function setupHelp({ name, system, variant, parts }: SetupScript): string {
  const purpose = variant === 'host' ? 'into a host, as an image of it would be' : 'into a development host';
  const options = Object.entries(SETUP_OPTIONS as Readonly<Record<string, SetupOption>>).map(
    ([option, { takes, short, help }]) =>
      [`${short ? `-${short}, ` : ''}--${option}${takes ? ` ${takes}` : ''}`, help] as const,
  );
  return [
    `usage: ./${name} [options]`,
    '',
    `Makes this machine (${system}, x86_64) ${purpose}.`,
    'What is done already is left alone, so run it again after whatever went wrong.',
    '',
    'Options:',
    ...columns(options),
    '',
    'Parts, in order:',
    ...columns(
      parts.map((part) => [
        part,
        `${partText(part, variant)}${ONLY_WHEN_NAMED.includes(part) ? ' (only when named)' : ''}`,
      ]),
    ),
    '',
    ...wrap('Exit codes: 0 done, 2 yours to fix, 3 an outside tool or service failed, 130 interrupted.', WIDTH),
    '',
  ].join('\n');
}
