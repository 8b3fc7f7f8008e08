import { copyFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DescribeImagesCommand } from '@aws-sdk/client-ec2';
import { describe, expect, test } from 'vitest';
import { createClients } from '../../src/aws/clients.ts';
import { ALTERATIONS, DELETED_SECRET } from './alterations.ts';
import { changedImage, failedIds } from './changed-image.ts';
import type { LabHandle } from './lab-handle.ts';
import { cli, events, keptInstance } from './support.ts';

async function verdictTag(lab: LabHandle, imageId: string): Promise<string | undefined> {
  const { ec2, destroy } = createClients(
    { apiRegion: 'us-west-2', endpointUrl: lab.endpoint },
    { accessKeyId: 'lab', secretAccessKey: 'lab' },
  );
  try {
    const { Images = [] } = await ec2.send(new DescribeImagesCommand({ ImageIds: [imageId] }));
    return Images[0]?.Tags?.find((tag) => tag.Key === 'ecs-host:verdict')?.Value;
  } finally {
    destroy();
  }
}

/** What goes with an alteration: copies of databases, a home, folders. */
const ALONG_WITH = [
  /^\/etc\/(passwd|shadow|group|gshadow|subuid|subgid)-?$/,
  /^\/home\/second(\/|$)/,
  /^\/var\/mail\/second$/,
  /^\/var\/lib\/dpkg\/info\/git\./,
];
/** A place, and behind it rule and offset. */
const IS_SECRET = /, \S+ at \d+$/;
const SECRETS = ['/home/admin/.aws/credentials', '/etc/ssl/private/server.key', '/etc/ssh/ssh_host_ed25519_key'];

type Proved = { readonly lab: LabHandle; readonly imageId: string };

/** An image of a bake with all that a careless change or an intruder may leave, as if the bake had made it. */
async function alteredImage({ lab, imageId }: Proved): Promise<string> {
  const after = [...ALTERATIONS.map(({ line }) => line), DELETED_SECRET].join('\n');
  const altered = await changedImage(lab, { name: 'altered', before: '', after, imageId });
  // What the bake told while it was under way is here.
  const told = (id: string): string => join(lab.stateFolder, 'images', `${id}.packages.json`);
  await copyFile(told(imageId), told(altered));
  return altered;
}

/** An image that must not pass. It begins with the one that the tests before have proved. */
export function describeAltered(proved: () => Proved): void {
  describe('an image that was altered', () => {
    test('is refused, and each alteration is named by its path', async () => {
      const { lab } = proved();
      const imageId = await alteredImage(proved());
      const args = ['smoke', imageId, '--only', 'audit', '--keep-on-failure', '--json'];
      const run = await cli(args, lab.environment);
      expect(run.exitCode, run.all).toBe(4);
      expect(await verdictTag(lab, imageId)).toBe('failed');
      expect(await keptInstance(events(run))).toMatch(/^ip-/);
      const swept = await cli(['sweep', '--json'], lab.environment);
      expect(swept.stdout).toContain('"kind": "instance"');

      const failed = failedIds(events(run));
      const named = failed.filter((id) => id.startsWith('audit ')).map((id) => id.slice('audit '.length));
      const paths = named.filter((each) => each.startsWith('/') && !IS_SECRET.test(each));
      expect(
        ALTERATIONS.filter((one) => !one.paths.every((path) => paths.includes(path))),
        run.all,
      ).toEqual([]);
      const wanted = ALTERATIONS.flatMap((one) => one.paths);
      const folders = new Set(
        wanted.flatMap((path) => path.split('/').map((_, at, all) => all.slice(0, at).join('/'))),
      );
      const others = paths.filter((path) => !wanted.includes(path) && !folders.has(path));
      expect(others.filter((path) => !ALONG_WITH.some((each) => each.test(path)))).toEqual([]);
      const secrets = named.filter((each) => IS_SECRET.test(each)).map((each) => each.replace(IS_SECRET, ''));
      expect(secrets, run.all).toEqual(expect.arrayContaining(SECRETS));
      expect(
        secrets.filter((place) => place.startsWith('free space at ')),
        run.all,
      ).not.toEqual([]);
      expect(run.all).not.toMatch(/AKIAQYLPMN5HHHFPZAM[23]/);
    });
  });
}
