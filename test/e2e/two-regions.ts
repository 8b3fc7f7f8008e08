import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DescribeImagesCommand, type Image } from '@aws-sdk/client-ec2';
import { CreateAliasCommand, CreateKeyCommand, KMSClient } from '@aws-sdk/client-kms';
import { DeleteParametersCommand } from '@aws-sdk/client-ssm';
import { type AwsClients, clientOptions, createClients } from '../../src/aws/clients.ts';
import { createReleaseClients, type ReleaseClients } from '../../src/aws/release-clients.ts';
import { type Channel, pointerNames } from '../../src/release/channels.ts';
import { readPointer } from '../../src/release/move-pointer.ts';
import type { ReleaseState } from '../../src/release/release-state.ts';
import { ec2TagsAsObject } from '../../src/run/tags.ts';
import { awsLeftovers, type LabHandle } from './lab-handle.ts';
import { cli } from './support.ts';

/** Two regions of one lab that an image is released to, as the API names them; hosts.yaml has `local`, `local-east`. */
export const WEST = 'us-west-2';
export const EAST = 'us-east-1';
export const PROFILE = 'cpu-bookworm';
const CHANNELS = ['nightly', 'beta', 'stable'] as const;
const LAB = { accessKeyId: 'lab', secretAccessKey: 'lab' };
const ACCOUNT = '111122223333';

type There = { readonly aws: AwsClients; readonly more: ReleaseClients & Disposable };

export class TwoRegions {
  readonly #lab: LabHandle;
  readonly #there: ReadonlyMap<string, There>;

  private constructor(lab: LabHandle, there: ReadonlyMap<string, There>) {
    this.#lab = lab;
    this.#there = there;
  }

  static async open(lab: LabHandle): Promise<TwoRegions> {
    const there = new Map<string, There>();
    for (const apiRegion of [WEST, EAST]) {
      const target = { apiRegion, endpointUrl: lab.endpoint };
      there.set(apiRegion, { aws: createClients(target, LAB), more: createReleaseClients(target, LAB) });
      await makeKey(lab, apiRegion);
    }
    return new TwoRegions(lab, there);
  }

  close(): void {
    for (const { aws, more } of this.#there.values()) {
      aws.destroy();
      more[Symbol.dispose]();
    }
  }

  /** The shipped file with a second region of the lab, which the profile is released to. */
  configWith(verifyCopies: 'smoke' | 'snapshot'): Promise<string> {
    const release = `regions: [local-east], verifyCopies: ${verifyCopies}, share: { accounts: ["${ACCOUNT}"] }`;
    const region = `    kmsKey: alias/ecs-host\n    securityGroup: container-testing\n    instanceProfile: ecs-host\n`;
    return this.#lab.configWith(
      (text) =>
        `${text
          .replace('    transport: ssh\n', `    transport: ssh\n    release: { ${release}, deprecateAfterDays: 30 }\n`)
          .replace(/( {4}apiRegion: us-west-2\n)/, '$1    kmsKey: alias/ecs-host\n')}
  local-east:\n    profile: ${PROFILE}\n    lab: true\n    apiRegion: ${EAST}\n${region}`,
    );
  }

  async ownImages(region: string): Promise<Image[]> {
    return (await this.#at(region).aws.ec2.send(new DescribeImagesCommand({ Owners: ['self'] }))).Images ?? [];
  }

  pointer(region: string, channel: Channel) {
    return readPointer(this.#at(region).more.ssm, PROFILE, channel);
  }

  /**
   * What must be empty at every moment, also when a command was killed a moment ago: pointers that name what has not
   * passed in their region.
   */
  async dishonest(): Promise<string[]> {
    const found: string[] = [];
    for (const region of [WEST, EAST]) {
      const images = await this.ownImages(region);
      for (const channel of CHANNELS) {
        const named = (await this.pointer(region, channel))?.imageId;
        const image = images.find(({ ImageId }) => ImageId === named);
        const verdict = ec2TagsAsObject(image?.Tags)['ecs-host:verdict'] ?? 'none';
        if (named !== undefined && verdict !== 'passed') found.push(`${channel} in ${region}: ${named} (${verdict})`);
      }
    }
    return found;
  }

  async leftovers(): Promise<string[]> {
    return [...(await awsLeftovers(this.#lab)), ...(await awsLeftovers(this.#lab, EAST))];
  }

  /** What the command last wrote down of a release, or null. */
  async stateOf(imageId: string, channel: Channel): Promise<ReleaseState | null> {
    const file = join(this.#lab.stateFolder, 'releases', `${imageId}-${channel}.json`);
    return readFile(file, 'utf8').then(
      (text) => JSON.parse(text) as ReleaseState,
      () => null,
    );
  }

  /** Whoever deletes an image takes it from its channels first. @returns what the command printed */
  async deleteCopy(channel: Channel, config: string): Promise<string> {
    const Names = Object.values(pointerNames(PROFILE, channel));
    await this.#at(EAST).more.ssm.send(new DeleteParametersCommand({ Names }));
    let printed = '';
    for (const { ImageId = '' } of await this.ownImages(EAST)) {
      const args = ['image', 'delete', ImageId, '--region', 'local-east', '--config', config, '--yes'];
      printed += (await cli(args, this.#lab.environment)).all;
    }
    return printed;
  }

  /** Nothing of a channel in the region where the image was baked. */
  async forgetPointer(channel: Channel): Promise<void> {
    const Names = Object.values(pointerNames(PROFILE, channel));
    await this.#at(WEST).more.ssm.send(new DeleteParametersCommand({ Names }));
  }

  #at(region: string): There {
    const found = this.#there.get(region);
    if (!found) throw new Error(`there are no clients for ${region}`);
    return found;
  }
}

/** What is shared needs a key of one's own. */
async function makeKey(lab: LabHandle, region: string): Promise<void> {
  const kms = new KMSClient(clientOptions({ apiRegion: region, endpointUrl: lab.endpoint }, LAB));
  const { KeyMetadata } = await kms.send(new CreateKeyCommand({}));
  await kms.send(new CreateAliasCommand({ AliasName: 'alias/ecs-host', TargetKeyId: KeyMetadata?.KeyId }));
  kms.destroy();
}
