import { readFileSync } from 'node:fs';
import type { PinnedKey, TargetConfig, Trust } from '#contracts/target-config.ts';

/** A key as its owner publishes it, beside this file, so that gpg can show it to whoever wants to look. */
function pinned(name: string, fingerprint: string): PinnedKey {
  return { fingerprint, key: readFileSync(new URL(`keys/${name}.asc`, import.meta.url), 'utf8') };
}

/** Whose signatures count anywhere but in a lab. */
const OFFICIAL = {
  /** Docker Release (CE deb), as Docker's installation guide states it. */
  docker: { fingerprint: '9DC858229FC7DD38854AE2D88D81803C0EBFCD88' },
  /** "NVIDIA CORPORATION (Open Source Projects) <cudatools@nvidia.com>", of the container toolkit's apt repository. */
  nvidiaContainerToolkit: { fingerprint: 'C95B321B61E88C1809C4F759DDCAE044F796ECB0' },
  /**
   * "Amazon ECS <ecs-security@amazon.com>", as the ECS developer guide states it. Packages are signed by its subkey
   * 50DECCC4710E61AF.
   */
  ecsAgent: pinned('amazon-ecs', 'F34C3DDAE72926B079BEAEC6BCE9D9A42D51784F'),
  /** "AWS CLI Team <aws-cli@amazon.com>", as the AWS CLI user guide states it. */
  awsCli: pinned('aws-cli', 'FB5DB77FD5C118B80511ADA8A6310ACC4672475C'),
};

/** Pure: of what a target takes from official hosts, whose signatures count. */
export function officialTrust({
  docker,
  nvidia,
  ecsAgent,
  userTools,
}: Pick<TargetConfig, 'docker' | 'nvidia' | 'ecsAgent' | 'userTools'>): Trust {
  return {
    docker: docker.source === 'docker-ce' ? OFFICIAL.docker : null,
    nvidiaContainerToolkit: nvidia === null ? null : OFFICIAL.nvidiaContainerToolkit,
    ecsAgent: ecsAgent.source === 'aws' ? OFFICIAL.ecsAgent : null,
    awsCli: userTools.awsCli.source === 'aws' ? OFFICIAL.awsCli : null,
  };
}
