import { cp, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DescribeImagesCommand } from '@aws-sdk/client-ec2';
import { execa } from 'execa';
import { describe, test } from 'vitest';
import { publishFolder } from '../../lab/git/publish.ts';
import { createClients } from '../../src/aws/clients.ts';
import { projectFolder } from '../../src/io/paths.ts';
import type { LabHandle } from './lab-handle.ts';
import { failedIds, sabotagedImage } from './sabotaged-image.ts';
import { cli, events } from './support.ts';

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

const CASES = [
  {
    what: 'whose docker.socket is enabled',
    name: 'sabotage-socket',
    before: '',
    after: 'systemctl enable docker.socket',
    only: 'gate',
    more: [],
    check: 'gate.docker-socket-disabled',
  },
  {
    what: 'whose agent was started in the bake',
    name: 'sabotage-agent',
    before: '',
    after: `mkdir -p /var/lib/ecs/data
cat >/var/lib/ecs/data/agent.db <<'EOS'
{
  "cluster": "bake",
  "containerInstanceArn": "arn:aws:ecs:us-west-2:123456789012:container-instance/bake/0",
  "clientToken": "x"
}
EOS
touch -d '2 hours ago' /var/lib/ecs/data/agent.db`,
    only: 'verify',
    more: [],
    check: 'booted.ecs-agent.never-started',
  },
  {
    what: 'that holds an SSH key',
    name: 'sabotage-key',
    before: '',
    after: `install -d -m 0700 /root/.ssh
key=AAAAC3NzaC1lZDI1NTE5AAAAIJmKd3mIhnYJ1Qdj8bXvhS2qYJm1hCfxYl0pZ0cA1dXh
echo "ssh-ed25519 $key left@behind" >/root/.ssh/authorized_keys`,
    only: 'verify',
    more: ['--keep-on-failure'],
    check: 'booted.clean.no-ssh-keys',
  },
] as const;

/** Publishes a variant of the example whose pattern is black, beside the lab's own repositories. */
async function publishBlackStream(lab: LabHandle): Promise<void> {
  const protocol = join(await lab.newFolder(), 'protocol');
  await cp(join(projectFolder(), 'examples', 'container-images', 'base', 'protocol'), protocol, { recursive: true });
  const pattern = join(protocol, 'src', 'pattern.c');
  const text = await readFile(pattern, 'utf8');
  const black = text
    .replace(/return \(uint8_t\)\(LUMA_BLACK \+[^;]*;/, 'return LUMA_BLACK;')
    .replace('return 235;', 'return LUMA_BLACK;')
    .replace('#define LUMA_RANGE 200\n', '');
  if (black === text) throw new Error('the pattern did not become black');
  await writeFile(pattern, black);
  const git = join(lab.stateFolder, 'lab', 'git');
  const commit = await publishFolder({ source: protocol, target: join(git, 'protocol-black.git') });
  await publishFolder({
    source: join(projectFolder(), 'examples', 'container-images'),
    target: join(git, 'container-images-black.git'),
    submodules: [{ path: 'base/protocol', url: '../protocol-black.git', commit }],
  });
}

/** The instance that `--keep-on-failure` left, reached by the command that was printed. */
export async function keptInstance(output: Record<string, unknown>[]): Promise<string> {
  const text = String(output.find((event) => event['code'] === 'KEPT')?.['text']);
  const [, command = ''] = /A shell on it: (.*)$/.exec(text) ?? [];
  return (await execa('sh', ['-c', `${command} cat /etc/hostname`], { stdin: 'ignore' })).stdout;
}

/**
 * Images that must not pass, each with the check that has to say so. They start from the image that the tests before
 * baked.
 */
export function describeSabotage(lab: () => LabHandle): void {
  describe('sabotage is caught', () => {
    test.concurrent.for(CASES)(
      'an image $what fails $check',
      async ({ name, before, after, only, check, more }, { expect }) => {
        expect(lab().goodImageId).not.toBeNull();
        const imageId = await sabotagedImage(lab(), { name, before, after, imageId: lab().goodImageId ?? '' });
        const run = await cli(['smoke', imageId, '--only', only, '--json', ...more], lab().environment);
        expect(run.exitCode, run.all).toBe(4);
        if (more.length > 0) {
          expect(await keptInstance(events(run))).toMatch(/^ip-/);
          const swept = await cli(['sweep', '--json'], lab().environment);
          expect(swept.stdout).toContain('"kind": "instance"');
        }
        expect(failedIds(events(run)), run.all).toContain(check);
        expect(run.stderr).toContain(check);
        expect(await verdictTag(lab(), imageId)).toBe('failed');
      },
    );

    test.concurrent('a container that streams black fails stream.not-black, and the rest of the clone passes', async ({
      expect,
    }) => {
      const untouched = { name: 'untouched-clone', before: '', after: '' };
      const imageId = await sabotagedImage(lab(), { ...untouched, imageId: lab().goodImageId ?? '' });
      await publishBlackStream(lab());
      const config = await lab().configWith((text) =>
        text.replace('/git/container-images.git', '/git/container-images-black.git'),
      );
      const run = await cli(
        ['smoke', imageId, '--config', config, '--only', 'gate,verify,workload', '--json'],
        lab().environment,
      );
      expect(run.exitCode, run.all).toBe(4);
      expect(failedIds(events(run)).sort(), run.all).toEqual(['stream.changes', 'stream.not-black']);
    });
  });
}
