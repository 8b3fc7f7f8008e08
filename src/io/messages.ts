/**
 * Every code that an error, a warning or a note of the command line carries. Codes are the contract for scripts, prose
 * is not. What is not in this table does not compile where it is thrown or emitted, and docs/messages.md is printed
 * from it. The codes of hosts.yaml stand with its rules (src/config/codes.ts) and come only in `details`, so that one
 * code has one meaning and one exit code.
 */
export const EXIT_CODES = {
  bug: 1,
  user: 2,
  outside: 3,
  verdict: 4,
  interrupted: 130,
} as const;

/** Who must act. An error's level is also its exit code; a warning or a note ends nothing. */
export type Level = keyof typeof EXIT_CODES | 'warning' | 'note';

type Entry = {
  readonly level: Level;
  /** One sentence. */
  readonly meaning: string;
  /** What comes with `--json` beside code, reason and hint. */
  readonly carries?: 'details' | 'output';
};

export const MESSAGES = {
  ACCOUNT_MISSING: {
    level: 'user',
    meaning: 'On AWS a webserver needs --account, the accounts whose hosts it lets in.',
  },
  ADDRESS: { level: 'user', meaning: 'The value of --address is no IP address.' },
  API_FAILED: { level: 'outside', meaning: 'The API of AWS (or of the lab) failed or did not answer as it should.' },
  API_REFUSED: {
    level: 'user',
    meaning: 'The API refused for a reason that lies with ids, region, credentials, permissions or limits.',
  },
  API_UNREACHABLE: {
    level: 'user',
    meaning: 'No connection to the API came about: its name, its port or the network is wrong.',
  },
  AUDIT_EXCEPTION_UNNEEDED: {
    level: 'warning',
    meaning: 'An exception from the audit (auditExceptions) is about nothing that the image has.',
    carries: 'details',
  },
  AUDIT_FAILED: { level: 'outside', meaning: "The auditor could not read an image's disk." },
  AUDIT_UNREADABLE: { level: 'outside', meaning: "What the auditor's program printed is not whole." },
  AUTHORIZED_KEY: { level: 'user', meaning: 'A file that --authorize names holds no public keys.' },
  BAKE_VERIFY_FAILED: {
    level: 'outside',
    meaning: 'Checks that the image makes of itself did not hold on the build instance.',
    carries: 'output',
  },
  BOOTSTRAP_FOREIGN: {
    level: 'user',
    meaning: 'What bootstrap did not make lacks something, or would have to be removed; each is one of the details.',
    carries: 'details',
  },
  BOOTSTRAP_INCOMPLETE: {
    level: 'outside',
    meaning: 'The API failed in the middle of bootstrap; what was done is in the details.',
    carries: 'details',
  },
  BOOTSTRAP_INTERRUPTED: {
    level: 'interrupted',
    meaning: 'Ctrl-C or SIGTERM ended bootstrap between two things; what was done is in the details.',
    carries: 'details',
  },
  BOOTSTRAP_IN_USE: { level: 'user', meaning: 'What bootstrap made is still used, so it is not removed.' },
  BOOTSTRAP_REFUSED: {
    level: 'user',
    meaning: 'Bootstrap could not go on for a reason that is yours; what was done is in the details.',
    carries: 'details',
  },
  BUG: {
    level: 'bug',
    meaning: 'Something that ecs-host did not foresee: a bug, to be reported with what was printed.',
  },
  BUNDLE_UNREADABLE: { level: 'user', meaning: 'The bundle beside a stored plan cannot be unpacked.' },
  CERTIFICATE_HALF: { level: 'user', meaning: 'Of --cert and --key only one was given.' },
  CERTIFICATE_UNREADABLE: {
    level: 'user',
    meaning: 'A file that an option names for a certificate or key cannot be read.',
  },
  CLIENTS_MISSING: {
    level: 'user',
    meaning: 'A port for clients would be open to nobody: --clients is missing.',
    carries: 'details',
  },
  CONFIG_INVALID: {
    level: 'user',
    meaning: 'hosts.yaml has mistakes; each is one of the details, with a code of its own.',
    carries: 'details',
  },
  CONFIG_UNREADABLE: {
    level: 'user',
    meaning: 'hosts.yaml is not there, or no file of at most 1 MiB of UTF-8.',
    carries: 'details',
  },
  CONFIG_WARNING: {
    level: 'warning',
    meaning: 'A rule of hosts.yaml warns; the code of the rule is in the details.',
    carries: 'details',
  },
  CONFIRM: { level: 'user', meaning: '--confirm none was given together with another one.' },
  CONFIRMATION: { level: 'user', meaning: 'A deletion would ask first, and nobody can answer; --yes is missing.' },
  COPY_FAILED: {
    level: 'outside',
    meaning: 'A copy of an image failed or is not what was asked for; it was removed with its snapshots.',
  },
  CREDENTIALS_MISSING: { level: 'user', meaning: 'The region is on AWS, and the SDK found no credentials.' },
  CREDENTIALS_UNUSABLE: {
    level: 'user',
    meaning: 'The SDK has a reason why the profile or source of credentials gives none.',
  },
  DEFAULT_VPC_MISSING: { level: 'user', meaning: 'The region has no default VPC to make a security group in.' },
  DEV_HOST_AMBIGUOUS: {
    level: 'user',
    meaning: 'Several dev hosts are meant, or none was named and there are several.',
  },
  DEV_HOST_EXISTS: { level: 'user', meaning: 'A dev host of that name is there already.' },
  DEV_HOST_FAILED: {
    level: 'outside',
    meaning: 'A step on a dev host failed while it was made ready; what was made is released.',
    carries: 'output',
  },
  DEV_HOST_FROM_BASE: {
    level: 'warning',
    meaning: 'No image of the region has a passing verdict, so a dev host is made from the base image.',
  },
  DEV_HOST_IMAGE: { level: 'user', meaning: 'A dev host was to be made from an image that is none of its profile.' },
  DEV_HOST_KEY_CHANGED: {
    level: 'user',
    meaning: 'What answers at the address of a dev host has another host key than before.',
  },
  DEV_HOST_LOCKED: { level: 'user', meaning: 'A dev host does not let in the key of this machine.' },
  DEV_HOST_NAME: { level: 'user', meaning: 'A name for a dev host has not the form of one, or is given twice.' },
  DEV_HOST_NOT_STOPPED: { level: 'warning', meaning: 'A dev host that is past its time could not be stopped.' },
  DEV_HOST_OVERDUE: { level: 'note', meaning: 'A dev host that was past its time and still ran was stopped.' },
  DEV_HOST_RECONNECTING: {
    level: 'note',
    meaning: 'The connection to a dev host broke, and is made again; or it is there again.',
  },
  DEV_HOST_STATE: { level: 'user', meaning: 'A dev host is in a state in which that cannot be done.' },
  DEV_HOST_UNKNOWN: { level: 'user', meaning: 'The user has no dev host of that name in the region.' },
  DURATION: { level: 'user', meaning: 'A value is no duration, or is out of its bounds.' },
  ENDPOINT_URL: { level: 'user', meaning: 'AWS_ENDPOINT_URL is no URL of an API, or AWS itself without encryption.' },
  FFMPEG_MISSING: { level: 'user', meaning: 'ffmpeg, which decodes the stream in the smoke test, is not there.' },
  FILE_UNUSABLE: { level: 'user', meaning: 'The system does not let a file or folder be read, made or changed.' },
  FOLDER_RELATIVE: { level: 'user', meaning: 'ECS_HOST_STATE or ECS_HOST_CACHE is no absolute path.' },
  GITHUB_ENVIRONMENT: { level: 'user', meaning: 'What GitHub gives to a job is not in the environment.' },
  GITHUB_FAILED: { level: 'outside', meaning: 'GitHub did not answer, or did not do what was asked of an issue.' },
  HOST_GRANTED: { level: 'note', meaning: 'The webserver lets a host serve.' },
  HOST_REFUSED: { level: 'note', meaning: 'The webserver refused a request of a host, or denied its handshake.' },
  HOST_SERVICE_PROGRAM: {
    level: 'user',
    meaning: 'The file that hostService.program names is not there or not executable.',
  },
  HOST_TERMINATED: {
    level: 'note',
    meaning: 'A host was silent, denied or drained for too long: it was terminated, or could not be.',
  },
  IDENTITY_CERTIFICATE: {
    level: 'outside',
    meaning: 'The API does not say which certificate signs its identity documents.',
  },
  IMAGE_BEFORE_MISSING: {
    level: 'user',
    meaning: 'No older image of the profile passed, so an image has nothing to be compared with.',
  },
  IMAGE_ELSEWHERE: {
    level: 'user',
    meaning: 'The image was baked in another region than the one that was named; the lab is one, too.',
  },
  IMAGE_FOREIGN: { level: 'user', meaning: 'The image was not baked by ecs-host, so it is not deleted by it.' },
  IMAGE_ID: { level: 'user', meaning: 'What was given is no image id.' },
  IMAGE_INCOMPLETE: {
    level: 'outside',
    meaning: 'Packer said that the image was done, and it is not available or has no snapshot.',
  },
  IMAGE_IS_LAYER: { level: 'user', meaning: 'The image is a layer that other images begin with, which nobody proves.' },
  IMAGE_NOT_FOUND: {
    level: 'user',
    meaning: 'The region has no base image of the name and owner that hosts.yaml gives.',
  },
  IMAGE_UNKNOWN: { level: 'user', meaning: 'The region has no image of this id.' },
  IMAGE_UNPROVEN: {
    level: 'note',
    meaning: 'An image with the digest of the plan is there without a verdict; `ami` proves it and bakes none.',
  },
  IMAGE_UNVERIFIED: {
    level: 'verdict',
    meaning: 'An image, or what is kept of it, is not what it should be; each difference is one of the details.',
    carries: 'details',
  },
  INSTANCE_ENDED: { level: 'outside', meaning: 'An instance of the smoke test ended while it was waited for.' },
  INTERRUPTED: { level: 'interrupted', meaning: 'Ctrl-C or SIGTERM ended the run; what it had made was released.' },
  INVENTORY_MISSING: { level: 'user', meaning: 'What is on an image is not known here, since no smoke test read it.' },
  INVENTORY_UNREAD: { level: 'warning', meaning: 'A smoke test could not read what is on its image.' },
  INVENTORY_UNREADABLE: { level: 'user', meaning: 'The inventory of an image that was asked for cannot be used.' },
  KEEP_FAILED: {
    level: 'warning',
    meaning: 'What a failed bake or smoke test left could not be kept, and was removed.',
  },
  KEPT: {
    level: 'warning',
    meaning: 'An instance of a failed bake or smoke test is kept, and costs until it is swept.',
  },
  LAB_BASE_IMAGE: {
    level: 'outside',
    meaning: 'The lab could not make the base image that the profile names.',
  },
  LAB_FAILED: {
    level: 'outside',
    meaning: 'The lab did not start, for a reason that is not yours.',
    carries: 'output',
  },
  LAB_GONE: {
    level: 'outside',
    meaning: 'The lab ended, or was killed, while a command worked with it.',
  },
  LAB_PARTS: {
    level: 'outside',
    meaning: 'The lab does not offer what a profile takes from official hosts.',
  },
  LAB_NOT_STARTED: {
    level: 'user',
    meaning: 'The lab could not be started for a reason that is yours: root, a full disk, a network that is taken.',
  },
  LAB_SOURCES: {
    level: 'user',
    meaning:
      'The lab cannot have the sources that were asked for: an official image is not to be had, or machines of the other kind are there.',
  },
  LAUNCH_INCOMPLETE: { level: 'outside', meaning: 'RunInstances answered without an instance.' },
  MACHINE_WITHOUT_GPU: {
    level: 'user',
    meaning: 'The profile needs a GPU, and machines of the region, which run under QEMU, have none.',
  },
  MASS_DENIAL: { level: 'note', meaning: 'The webserver holds denials back, because they are too many at once.' },
  MASS_SILENCE: { level: 'note', meaning: 'Many hosts are silent at once: none is ended; or they are few again.' },
  NETWORK: { level: 'user', meaning: 'A value of --clients or --webserver is no network.' },
  NETWORK_TOO_WIDE: { level: 'user', meaning: 'A network of --clients or --webserver is too large to be meant.' },
  NIGHTLY_JOBS: { level: 'user', meaning: 'The value of --jobs is no number of images that can be made at once.' },
  NIGHTLY_OVERLAP: {
    level: 'user',
    meaning: 'A night would bake a profile in a region that it is also copied to.',
  },
  NIGHT_UNREADABLE: { level: 'user', meaning: 'A file below --summaries is no report of a night.' },
  NOT_CONFIRMED: {
    level: 'user',
    meaning: 'The question before a deletion was not answered with yes; nothing was deleted.',
  },
  NO_CAPACITY: {
    level: 'outside',
    meaning: 'No placement of the plan had room; each that was tried is one of the details.',
    carries: 'details',
  },
  OPTION_EMPTY: { level: 'user', meaning: 'An option or word of the command line is empty.' },
  OPTION_NUMBER: { level: 'user', meaning: 'An option that takes a number was given something else.' },
  OPTION_SWITCH: { level: 'user', meaning: 'A switch was given a value.' },
  OPTION_TWICE: { level: 'user', meaning: 'An option that takes one value was given several.' },
  ORDER: {
    level: 'user',
    meaning: 'The webserver does not take the order: a part of it has not the form that it needs.',
  },
  ORDER_FAILED: { level: 'outside', meaning: 'The webserver could not carry out the order.' },
  ORDER_NOT_PUSHED: {
    level: 'note',
    meaning: 'A host could not be told an order at once; it hears it with its next heartbeat.',
  },
  OUTPUT_UNWRITABLE: { level: 'user', meaning: 'The result could not be written to stdout as a whole.' },
  OWNER_NAME: { level: 'user', meaning: 'Whose dev hosts these are cannot be the value of a tag.' },
  PACKER_FAILED: {
    level: 'outside',
    meaning: 'Packer failed, and no step of a provisioner says why.',
    carries: 'output',
  },
  PACKAGE_LISTS_UNKNOWN: {
    level: 'warning',
    meaning: 'The archive did not say what security updates there are, so that an image counts as outdated.',
  },
  PACKER_KILLED: { level: 'outside', meaning: 'Packer was killed by a signal.', carries: 'output' },
  PACKER_MISSING: { level: 'user', meaning: 'Packer was neither in the cache of set-up nor in PATH.' },
  PERMISSION_MISSING: {
    level: 'user',
    meaning: 'The credentials lack a permission, which is named.',
    carries: 'details',
  },
  PLACEMENT_LEFT: {
    level: 'warning',
    meaning: 'A placement has no capacity or no quota is left for its type; the next one is tried.',
    carries: 'details',
  },
  PLACEMENT_NONE: {
    level: 'user',
    meaning: 'No subnet of the region can hold an instance; each and why is one of the details.',
    carries: 'details',
  },
  PLAN_AND_MORE: { level: 'user', meaning: '--plan was given together with an option that the plan answers.' },
  PLAN_CHANGED: { level: 'user', meaning: 'A stored plan was edited: its digest is not that of its content.' },
  PLAN_ENDPOINT: { level: 'user', meaning: 'A plan for AWS would be followed at an endpoint, or the other way round.' },
  PLAN_FILES_DIFFER: { level: 'user', meaning: 'What would be carried to the image is not what the plan names.' },
  PLAN_MADE_AGAIN: {
    level: 'note',
    meaning: 'The plan by which an image was baked cannot be followed; one was made now.',
  },
  PLAN_STALE: { level: 'user', meaning: 'What a stored plan names is no longer in its region.' },
  PLAN_UNREADABLE: { level: 'user', meaning: 'A file cannot be read as a plan.' },
  PLAN_VERSION_MISMATCH: { level: 'user', meaning: 'A plan was written by another version of ecs-host.' },
  POINTER_NOT_MOVED: { level: 'warning', meaning: 'The pointer of a channel could not be moved in a region.' },
  PORT_FORM: { level: 'user', meaning: 'A port to forward has not the form PORT or PORT:REMOTE.' },
  PORT_TAKEN: { level: 'user', meaning: 'A port of this machine cannot be listened on.' },
  PREFLIGHT_FAILED: {
    level: 'user',
    meaning: 'A run needs what is not there; each is one of the details, with its fix. Nothing was started.',
    carries: 'details',
  },
  PREFLIGHT_UNCHECKED: {
    level: 'warning',
    meaning: 'Some of what a run needs could not be looked at; each is one of the details, with why.',
    carries: 'details',
  },
  PROFILE_UNKNOWN: { level: 'user', meaning: 'hosts.yaml has no profile of the name that was given.' },
  PROGRAMS_MISSING: {
    level: 'user',
    meaning: 'Programs that the command needs are not on this machine; each is one of the details.',
    carries: 'details',
  },
  PROGRAM_MISSING: { level: 'user', meaning: 'A program that ecs-host calls cannot be run.' },
  PROVISIONER_FAILED: {
    level: 'outside',
    meaning: 'A step of a provisioner failed on the build instance.',
    carries: 'output',
  },
  PRUNED: { level: 'note', meaning: 'An image that nothing uses was deleted, or is held by its protection.' },
  PRUNE_FAILED: { level: 'warning', meaning: 'An image that was to be pruned could not be deleted.' },
  PRUNE_INTERRUPTED: {
    level: 'interrupted',
    meaning: 'Ctrl-C or SIGTERM ended a prune between two images; what was done is in the details.',
    carries: 'details',
  },
  RECORD_DAMAGED: {
    level: 'warning',
    meaning: 'The record of an image cannot be used; the image is listed as damaged.',
  },
  RECORD_NOT_FOUND: { level: 'user', meaning: 'There is no record of this image in the state folder.' },
  RECORD_UNREADABLE: { level: 'user', meaning: 'The record of the image that was asked for cannot be used.' },
  REGION_LEFT: { level: 'note', meaning: 'A region has no room for a bake; the next of --or-region is tried.' },
  REGION_UNKNOWN: { level: 'user', meaning: 'hosts.yaml has no region of the name that was given.' },
  RELEASE_FAILED: {
    level: 'warning',
    meaning: 'Something that the smoke test made could not be released; a sweep follows.',
  },
  RELEASE_IMPOSSIBLE: {
    level: 'user',
    meaning: 'The image cannot be released: it is not there, a copy, withdrawn, only a layer, or of another plan.',
  },
  RELEASE_INCOMPLETE: {
    level: 'outside',
    meaning: 'An image could not be made ready in several regions; each is one of the details.',
    carries: 'details',
  },
  RELEASE_INTERRUPTED: {
    level: 'interrupted',
    meaning: 'Ctrl-C or SIGTERM ended a release; what was done stays, and the same command goes on.',
  },
  RELEASE_NAME_TAKEN: {
    level: 'user',
    meaning: 'In a region of a release another image has the name that the copy would have.',
  },
  RELEASE_UNDER_WAY: { level: 'user', meaning: 'Another process of this machine works on the same release.' },
  RELEASE_UNREADABLE: {
    level: 'user',
    meaning: 'What was written down of a release is there, but cannot be used.',
  },
  RELEASE_REFUSED: {
    level: 'user',
    meaning: 'No pointer could be moved to an image that is good in its region; each region is one of the details.',
    carries: 'details',
  },
  RELEASE_UNSEEN: {
    level: 'outside',
    meaning: 'A region could not be looked at, so nothing was changed in any; each is one of the details.',
    carries: 'details',
  },
  RUNNER_NAME: { level: 'user', meaning: 'ECS_HOST_RUNNER cannot be the value of a tag.' },
  RUNS_PRUNED: { level: 'note', meaning: 'Folders of runs that are over were removed.' },
  RUN_NOT_PRUNED: { level: 'warning', meaning: 'The folder of a run that is over could not be removed.' },
  SCRIPT_CLASH: { level: 'user', meaning: 'Two profiles of one system would be written as the same script.' },
  SECRET_UNREADABLE: {
    level: 'user',
    meaning: 'The secret that opens a private repository cannot be read, or is empty.',
  },
  SECURITY_GROUP_AMBIGUOUS: {
    level: 'user',
    meaning: 'Several security groups of the region have the name that hosts.yaml gives.',
  },
  SECURITY_GROUP_NOT_FOUND: {
    level: 'user',
    meaning: 'The region has no security group of the name that hosts.yaml gives.',
  },
  SESSION_REFUSED: { level: 'outside', meaning: 'Session Manager gave no session to an instance.' },
  SEVERAL_MISSING: {
    level: 'user',
    meaning: 'Several things are missing or wrong; each is one of the details, with the code that it has alone.',
    carries: 'details',
  },
  SIGNING_KEY: { level: 'user', meaning: 'A file is no key that a provenance could be signed or verified with.' },
  SMOKE_AGENT: { level: 'outside', meaning: 'The ECS agent of a host gave up before it registered.' },
  SMOKE_DOCKER: {
    level: 'outside',
    meaning: 'Docker of a host fails again and again once the gate is open.',
    carries: 'output',
  },
  SMOKE_FAILED: {
    level: 'verdict',
    meaning: 'Checks of the smoke test did not hold; each is one of the details.',
    carries: 'details',
  },
  SMOKE_SYSTEMCTL: { level: 'outside', meaning: 'systemctl on a host said nothing about a unit.', carries: 'output' },
  SMOKE_TIMEOUT: { level: 'outside', meaning: 'Something that was waited for did not happen in time.' },
  SSH_FORWARD: { level: 'outside', meaning: 'A port of a host could not be forwarded.', carries: 'output' },
  SSH_LOST: { level: 'outside', meaning: 'The ssh connection to a host broke.', carries: 'output' },
  SSH_TIMEOUT: { level: 'outside', meaning: 'A command on a host did not end in time.' },
  SSH_UNREACHABLE: { level: 'outside', meaning: 'No ssh connection to a host came about in time.' },
  STAND_IN_FAILED: {
    level: 'outside',
    meaning: "The lab's stand-in ECS agent could not be packed.",
    carries: 'output',
  },
  STILL_STOPPING: { level: 'note', meaning: 'A second signal came; the run still releases what it made.' },
  STOPPING: { level: 'note', meaning: 'A signal came; the run stops and releases what it made.' },
  STORE_DAMAGED: { level: 'note', meaning: "A row of the webserver's store cannot be used and is put aside." },
  STORE_UNREADABLE: { level: 'user', meaning: 'The file that --store names cannot be opened as a store.' },
  STREAM_BACK: { level: 'note', meaning: 'The stream of a dev host is there, or there again.' },
  STREAM_BAD: {
    level: 'outside',
    meaning: 'The stream of a dev host gave too few pictures, or they are black or do not change.',
  },
  STREAM_INTERRUPTED: {
    level: 'interrupted',
    meaning: 'Ctrl-C or SIGTERM came before the stream was shown; what was built on the host stays.',
  },
  STREAM_LOST: { level: 'warning', meaning: 'The stream of a dev host is not there; it is looked for again.' },
  STREAM_PLAYER: { level: 'warning', meaning: 'A player could not show the stream; a page in the browser does.' },
  STREAM_PORTS_TAKEN: {
    level: 'user',
    meaning: 'A container that `dev-host stream` did not start has a port of the stream.',
  },
  STREAM_STRANGER: { level: 'outside', meaning: 'What answers where the stream was has another key now.' },
  SUBNET_NOT_FOUND: {
    level: 'user',
    meaning: 'The VPC of the security group has no subnet, or not the one that hosts.yaml names.',
  },
  SWEEP_FAILED: { level: 'warning', meaning: 'Something that a dead run left could not be removed.' },
  SWEEP_IMPOSSIBLE: { level: 'warning', meaning: 'What a run left could not be looked for or removed now.' },
  SWEPT: { level: 'note', meaning: 'Something that a dead run left was removed.' },
  SYNC_BUSY: { level: 'user', meaning: 'Another command syncs the same folder with the same host.' },
  SYNC_CONFLICTS: {
    level: 'user',
    meaning:
      'Files that changed here and there since they were synced last were left alone; each is one of the details.',
    carries: 'details',
  },
  SYNC_EMPTIED: {
    level: 'user',
    meaning: 'Everything that was synced before is gone on one side, so nothing is deleted on the other.',
  },
  SYNC_FAILED: { level: 'outside', meaning: 'Files could not be carried, listed or removed.', carries: 'output' },
  SYNC_FOLDER: { level: 'user', meaning: 'What is to be synced is no folder, or one that is never meant.' },
  SYNC_NOTE: { level: 'note', meaning: 'What a sync leaves out, or how it sees the folder.' },
  SYNC_UNREADABLE: {
    level: 'user',
    meaning: 'A folder in what is synced cannot be read, so nobody can say what is gone from it.',
    carries: 'output',
  },
  TEMPLATE_MISSING: { level: 'user', meaning: 'A folder holds no Packer template, or several.' },
  TERMINAL_MISSING: { level: 'user', meaning: 'A shell was asked for where no terminal is.' },
  TERMINATE_TIMEOUT: { level: 'outside', meaning: 'Instances did not terminate in time.' },
  USAGE: { level: 'user', meaning: 'The command line is not what its verb takes.' },
  USER_DATA: {
    level: 'user',
    meaning: 'A host would not accept the user data; each mistake is one of the details.',
    carries: 'details',
  },
  VERSION_UNKNOWN: {
    level: 'outside',
    meaning: 'Who offers Docker, the ECS agent or the AWS CLI did not say its newest version.',
  },
  VULNERABILITIES_STALE: {
    level: 'warning',
    meaning: 'Known vulnerabilities are as they were a while ago, since the distribution does not answer.',
  },
  VULNERABILITIES_UNKNOWN: {
    level: 'outside',
    meaning: 'The distribution cannot be asked for known vulnerabilities, and nothing is remembered of it.',
  },
  WEBSERVER_AWAY: { level: 'user', meaning: 'No webserver of this state folder runs.' },
  WITHDRAW_INCOMPLETE: { level: 'warning', meaning: 'A part of a withdrawal failed; the same command does it again.' },
  WORKLOAD_FAILED: {
    level: 'outside',
    meaning: "A command of the developer's workload failed on a host.",
    carries: 'output',
  },
  WORKLOAD_FOLDER: {
    level: 'user',
    meaning: 'The folder that workload.folder names is not there, or holds nothing that is carried.',
  },
} as const satisfies Readonly<Record<string, Entry>>;

type Table = typeof MESSAGES;

export type CodeOf<L extends Level> = { [C in keyof Table]: Table[C]['level'] extends L ? C : never }[keyof Table];

/** Codes whose message comes with that payload; only they may be given one. */
export type CodeWith<P extends NonNullable<Entry['carries']>> = {
  [C in keyof Table]: Table[C] extends { readonly carries: P } ? C : never;
}[keyof Table];

export type UserCode = CodeOf<'user'>;
export type OutsideCode = CodeOf<'outside'>;
export type WarningCode = CodeOf<'warning'>;
export type NoteCode = CodeOf<'note'>;
