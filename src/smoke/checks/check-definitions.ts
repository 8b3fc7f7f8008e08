import { userError } from '../../io/errors.ts';

export const PARTS = ['gate', 'cluster', 'verify', 'network', 'workload', 'audit'] as const;
export type Part = (typeof PARTS)[number];

export type CheckDefinition = {
  readonly id: string;
  readonly part: Part;
  readonly title: string;
  readonly expected: string;
};

function define(
  part: Part,
  entries: readonly (readonly [id: string, title: string, expected: string])[],
): CheckDefinition[] {
  return entries.map(([id, title, expected]) => ({ id, part, title, expected }));
}

/**
 * Everything that smoke looks at, in the order in which it is reported. A check that is here and got no answer by the
 * end of the run is `missing`, so a step that dies can never make its checks disappear. What the image's own verify
 * prints comes on top.
 */
export const CHECKS: readonly CheckDefinition[] = [
  ...define('gate', [
    ['boot.ssh', 'The instance boots and ssh answers', 'a shell'],
    ['boot.cloud-init', 'cloud-init finishes without an error', 'done'],
    ['boot.deadline', 'The instance ends itself when nobody else does', 'a timer that is active'],
    ['gate.docker-service-inactive', 'Before the handshake Docker is down', 'inactive'],
    ['gate.docker-socket-inactive', "Before the handshake Docker's socket is down", 'inactive'],
    ['gate.containerd-service-inactive', 'Before the handshake containerd is down', 'inactive'],
    ['gate.ecs-service-inactive', 'Before the handshake the ECS agent is down', 'inactive'],
    ['gate.docker-service-disabled', 'Docker is not started by the boot', 'disabled'],
    ['gate.docker-socket-disabled', 'Nothing wakes Docker through its socket', 'disabled'],
    ['gate.containerd-service-disabled', 'containerd is not started by the boot', 'disabled'],
    ['gate.ecs-service-disabled', 'The ECS agent is not started by the boot', 'disabled'],
    ['gate.start-ecs-refused', '`systemctl start ecs` does not get past the gate', 'refused, all four units inactive'],
    [
      'gate.start-docker-refused',
      '`systemctl start docker` does not get past the gate',
      'refused, all four units inactive',
    ],
    [
      'gate.start-docker-socket-refused',
      '`systemctl start docker.socket` does not get past the gate',
      'refused, all four units inactive',
    ],
    [
      'gate.start-containerd-refused',
      '`systemctl start containerd` does not get past the gate',
      'refused, all four units inactive',
    ],
    ['gate.docker-client-refused', 'A docker client does not get past the gate', 'refused, all four units inactive'],
    ['gate.denied-stays-shut', 'A denied handshake keeps the gate shut', 'denied, all four units inactive'],
    ['gate.denied-not-registered', 'A denied host is in no cluster', 'no container instance'],
    [
      'tasks.denied-waits',
      'A task that ECS is to start waits as long as its host is denied',
      'no task, and ECS says that it finds no instance',
    ],
    ['gate.granted-serves', 'A granted handshake opens the gate', 'serving'],
    ['gate.order', 'Docker, then its event stream, then the agent', 'handshake < docker < events < agent'],
  ]),
  ...define('cluster', [
    ['cluster.registered', 'The host registers in the cluster', 'ACTIVE'],
    ['cluster.second-registered', 'A second instance of the image registers, after its webserver was late', 'ACTIVE'],
    ['cluster.distinct', 'Both are container instances of their own', 'two different ARNs'],
    ['cluster.gpu-registered', 'The cluster sees the GPU', 'at least one GPU'],
    ['tasks.started', 'ECS starts the task that waited on the host, once it is in the cluster', 'RUNNING on this host'],
    ['tasks.on-record', "The start of the task's container is on the record of the witness", 'on the record'],
    [
      'tasks.gpu',
      'The container of a task that asks for one GPU sees that one and no other',
      'the GPU that ECS gave it',
    ],
    ['tasks.ended', 'The task ends when ECS stops it, and tells its exit code', 'exit code 42'],
  ]),
  ...define('verify', [
    ['verify.ran', "The image's own verify runs on the booted image", 'exit code 0'],
    ['imds.host-token', 'The host gets an IMDSv2 token', 'a token'],
    ['imds.v1-refused', 'IMDSv1 is refused', 'HTTP 401'],
  ]),
  ...define('network', [
    ['network.open-port', 'A port that the security group opens answers from outside', 'an answer'],
    [
      'network.closed-port',
      'A port that it does not open is silent from outside, and answers inside',
      'silent outside, an answer inside',
    ],
  ]),
  ...define('workload', [
    ['workload.clone', 'The container images are there: cloned with their submodules, or carried', 'exit code 0'],
    ['workload.build-protocol', './build_protocol.sh', 'exit code 0'],
    ['workload.build-image', './build_container_image.sh', 'exit code 0'],
    ['imds.docker0-blocked', "A container on Docker's own bridge cannot reach the metadata service", 'blocked'],
    ['imds.user-bridge-blocked', 'A container on a bridge of its own cannot reach the metadata service', 'blocked'],
    ['workload.run', './run_container_image.sh', 'exit code 0'],
    ['workload.witnessed', 'Each running container is on the record of the witness', 'all on the record'],
    ['gpu.driver', 'The driver on the host is the one that the plan names', 'the driver version of the plan'],
    ['gpu.model', 'The GPU is the one that the instance type has', 'the model and number of the instance type'],
    ['gpu.container', "A container with Docker's runtime nvidia sees the GPU", 'at least one GPU'],
    ['gpu.gpus-all', 'A container of `docker run --gpus all` sees the GPU', 'at least one GPU'],
    ['gpu.cdi', 'A container of `docker run --device nvidia.com/gpu=all` sees the GPU', 'at least one GPU'],
    ['gpu.after-reload', 'A container keeps its GPU when systemd reads its units anew', 'at least one GPU'],
    ['gpu.encoder', 'A container finds the library by which it encodes on the GPU', 'libnvidia-encode'],
    ['gpu.after-restart', 'After a restart of Docker a container sees the GPU', 'at least one GPU'],
    ['stream.frames', 'A client outside receives and decodes the stream', 'at least 60 frames'],
    ['stream.not-black', 'The frames are not black', 'not black'],
    ['stream.changes', 'The frames change', 'changing'],
  ]),
  ...define('audit', [
    ['audit.explained', 'Everything on the disk of the image is explained', 'all of it'],
    ['audit.complete', 'Nothing is missing on the disk of the image', 'nothing'],
    ['audit.secrets', 'No secret is where no package put it, in free space or on the console', 'none'],
    ['audit.booted', 'The booted image says of its configuration what its disk says', 'the same'],
    ['audit.sshd', 'sshd has the settings of the base image', 'the same'],
    ['audit.units', 'Nothing is enabled but by base image and plan', 'as planned'],
    ['audit.environment', 'Kernel, shells and services get what they get on the base image', 'the same'],
    [
      'audit.sockets-shut',
      'Before the grant nobody listens but who does on the base image, and the host',
      'nobody else',
    ],
    ['audit.sockets-open', "After it Docker's and the agent's sockets come, and no other", 'nobody else'],
    ['audit.docker', 'Docker does what the plan has of it', 'as planned'],
  ]),
];

/**
 * The parts named on the command line (`stream` is another word for `workload`), or all of them.
 *
 * @throws EcsHostError `USAGE` (user)
 */
export function parseParts(text: string | null): ReadonlySet<Part> {
  if (text === null || text.trim() === '') return new Set(PARTS);
  const names = text.split(',').map((name) => name.trim());
  const parts = names.map((name) => (name === 'stream' ? 'workload' : PARTS.find((part) => part === name)));
  const unknown = names.filter((_, at) => parts[at] === undefined);
  if (unknown.length > 0) {
    throw userError('USAGE', `Smoke has no part "${unknown.join('", "')}".`, `its parts are ${PARTS.join(', ')}`);
  }
  return new Set(parts.filter((part) => part !== undefined));
}
