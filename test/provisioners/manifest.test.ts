import { createHash } from 'node:crypto';
import { copyFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join, matchesGlob } from 'node:path';
import { execa, execaSync } from 'execa';
import { describe, expect, test } from 'vitest';
import type { ProvisionedEntry } from '#contracts/provisioned.ts';
import type { TargetConfig } from '#contracts/target-config.ts';
import type { Carried } from '../../provisioners/lib/context.ts';
import { manifest } from '../../provisioners/manifest.ts';
import { buildBundle } from '../../src/bundle/bundle.ts';
import { provisionedBy } from '../../src/bundle/provisioned.ts';
import { projectFolder } from '../../src/io/paths.ts';
import { wholeBuild } from '../../src/plan/layers.ts';
import { planSummaryText } from '../../src/plan/plan-file.ts';
import { plannedTarget, type ResolveInput, resolvePlan } from '../../src/plan/resolve.ts';
import { packBundle } from '../../src/render/pack.ts';
import { target as fixture } from '../fixtures/target-config.ts';
import { GOLDEN, goldenInput, goldenPlan } from '../render/golden-cases.ts';
import { tempFolder } from '../support/temp-folder.ts';
import { carriedWith } from './carried.ts';

function sha256(content: string | Uint8Array): string {
  return createHash('sha256').update(content).digest('hex');
}

/** Of the golden case, with the few files of a bundle that it has. */
async function carriedOf({ bundles, node }: ResolveInput): Promise<Carried> {
  return carriedWith({ files: bundles.map((each) => ({ ...each, isProgram: false })), node });
}

/** What a file is the same as, so that a change of the file is none of the expected text. */
function contentText(
  { path, sha256: sum, target, rule, expected, by, isOptional }: ProvisionedEntry,
  carried: Carried,
) {
  const ofRootfs = [path, ...Object.keys(carried.rootfs).sort()].find((each) => {
    const file = carried.rootfs[each];
    return file !== undefined && sha256(file.content) === sum;
  });
  const ofBundle = carried.files.find((each) => each.sha256 === sum)?.path;
  return [
    ...(target === undefined ? [] : [`to ${target}`]),
    ...(sum === undefined ? [] : [ofRootfs ? `as rootfs${ofRootfs}` : ofBundle ? `as ${ofBundle}` : 'written']),
    ...(rule === undefined ? [] : [`by rule ${rule}`]),
    ...(expected === undefined || expected.includes('\n') ? [] : [`(${expected})`]),
    ...(by === undefined ? [] : [`made by ${by}`]),
    ...(isOptional ? ['may be there'] : []),
  ].join(' ');
}

describe('the manifest', () => {
  test.each(['cpu-bookworm-local', 'g3s-focal-us-east-2', 'g6-noble-us-east-2'])(
    'of %s is the expected one',
    async (name) => {
      const carried = await carriedOf(await goldenInput(name));
      const { target } = await goldenPlan(name);
      const lines = manifest(target, carried).map((entry) => {
        const { provisioner, path, kind, mode } = entry;
        const what = [kind, mode?.toString(8) ?? '-', path, contentText(entry, carried)].join(' ');
        return `${provisioner.padEnd(16)}${what.trimEnd()}`;
      });
      const file = join(GOLDEN, name, 'expected-provisioned.txt');
      const text = `${lines.join('\n')}\n`;
      if (process.env['UPDATE_GOLDEN'] === '1') await writeFile(file, text);
      expect(text).toBe(await readFile(file, 'utf8'));
    },
  );

  test('has each path once, in order, and none below a link of another', async () => {
    const input = await goldenInput('g3s-focal-us-east-2');
    const paths = manifest(plannedTarget(input), await carriedOf(input)).map(({ path }) => path);
    expect(paths).toEqual([...new Set(paths)].sort());
    for (const path of paths) expect(path).not.toMatch(/^\/(lib|bin|sbin|var\/run)\//);
  });

  test('has what only a setting brings', async () => {
    const carried = await carriedWith({ files: [], node: { sha256: '' } });
    const entryOf = (path: string, target: TargetConfig) =>
      manifest(target, carried).find((entry) => entry.path === path);
    const entry = '/opt/ecs-host/bin/host-service';
    const dropIn = '/etc/systemd/system/ecs-host.service.d/10-program.conf';
    expect(entryOf(dropIn, fixture)).toBeUndefined();
    expect(entryOf(dropIn, { ...fixture, hostService: { entry } })).toMatchObject({ provisioner: 'host-service' });
    expect(entryOf('/swapfile', fixture)).toBeUndefined();
    expect(entryOf('/swapfile', { ...fixture, swapMiB: 1 })).toMatchObject({ mode: 0o600, expected: '1048576' });
    const updates = '/opt/ecs-host/security-updates.json';
    expect(entryOf(updates, fixture)).toBeDefined();
    expect(entryOf(updates, { ...fixture, securityUpdates: false })).toBeUndefined();
  });
});

const OWN_MOUNTS = ['--mount', '--propagation', 'private'];
/** The mounts of `bake.sh`, in small. */
const OVERLAY = `
  mount -t tmpfs none /mnt
  mkdir /mnt/upper /mnt/work
  mount -t overlay none -o lowerdir=/,upperdir=/mnt/upper,workdir=/mnt/work /tmp
`;
const canBake = execaSync('unshare', [...OWN_MOUNTS, 'sh', '-ec', OVERLAY], { reject: false }).exitCode === 0;

/** As each entry is told by `bake.sh`. */
type Found = { readonly kind: string; readonly mode: number; readonly owner: string; readonly content: string };

const KINDS: Readonly<Record<string, string>> = { d: 'folder', l: 'link', f: 'file' };

const IMAGE = join(import.meta.dirname, 'image');
/** What would reach out of the layer, or needs more of a machine than files. */
const STOOD_IN_FOR =
  `sudo cloud-init apt-get apt-mark dpkg-query dpkg-deb curl unzip gpg gpgconf id usermod sysctl sync systemctl
  systemd-detect-virt journalctl snap modinfo dkms update-initramfs nvidia-ctk`.split(/\s+/);
const DRIVER = `#!/bin/sh
mkdir -p /var/lib/nvidia
echo /usr/bin/nvidia-smi | tee /var/lib/nvidia/log >/usr/bin/nvidia-smi
`;
const FINGERPRINT = 'A'.repeat(40);

/** The provisioners of a plan, run on this machine's own root under a layer, and what is in the layer then. */
async function bake(input: ResolveInput) {
  const folder = tempFolder();
  const wantsStandInAgent = plannedTarget(input).ecsAgent.source === 'lab-stand-in';
  const bundle = await buildBundle({ folder: join(folder, 'bundle'), wantsStandInAgent, hostProgram: null });
  const provisioned = await provisionedBy(bundle, plannedTarget(input));
  const plan = resolvePlan({ ...input, bundles: bundle.files, node: bundle.node, provisioned });
  const { docker, nvidia, userTools, ecsAgent } = plan.target;
  const given = join(folder, 'given');
  await mkdir(given);
  await packBundle(bundle, plan, join(given, 'bundle.tar'), wholeBuild(plan));
  const script = plan.provisioning.flatMap(({ inline = [] }) => inline).join('\n');
  // `verify` looks at a machine that runs.
  await writeFile(join(given, 'script.sh'), script.replace(/ verify$/, ''));
  const toolkit = nvidia?.containerToolkitVersion ?? '';
  const versions: Readonly<Record<string, string | null>> = {
    ...{ 'docker.io': docker.version, 'docker-ce': docker.version, 'docker-ce-cli': docker.version },
    ...{ awscli: userTools.awsCli.version, 'aws-cli': userTools.awsCli.version },
    'amazon-ecs-init': /init-(.*)\.amd64/.exec(ecsAgent.package)?.[1] ?? null,
    'nvidia-driver': nvidia?.driverVersion ?? null,
    ...{ 'nvidia-container-toolkit': toolkit, 'nvidia-container-toolkit-base': toolkit },
    ...{ 'libnvidia-container-tools': toolkit, 'libnvidia-container1': toolkit },
  };
  await writeFile(
    join(given, 'versions'),
    Object.entries(versions)
      .map((each) => `${each.join(' ')}\n`)
      .join(''),
  );
  await writeFile(join(given, 'names'), STOOD_IN_FOR.map((name) => `${name}\n`).join(''));
  await writeFile(join(given, 'driver.run'), DRIVER);
  await copyFile(join(IMAGE, 'stand-in.sh'), join(given, 'stand-in.sh'));
  await copyFile(join(projectFolder(), 'lab', 'parts', 'aws-cli', 'install.sh'), join(given, 'install.sh'));
  const layer = join(folder, 'layer');
  await mkdir(layer);
  const command = ['sh', join(IMAGE, 'bake.sh'), layer, given];
  const { stdout } = await execa('unshare', [...OWN_MOUNTS, ...command], { stdin: 'ignore' });
  const found = stdout.split('\n').map((line): [string, Found] => {
    const [path, type = '', mode = '', owner = '', content = ''] = line.split('\t');
    return [`/${path}`, { kind: KINDS[type] ?? type, mode: Number.parseInt(mode, 8), owner, content }];
  });
  return { plan, found: new Map(found) };
}

/** Neither carried nor put: stand-ins, what they installed, and what programs of the machine keep of their own. */
const OF_OTHERS = [
  /^\/usr\/local\/sbin\/[\w-]+$/,
  /^\/usr\/lib\/systemd\/system\/[\w-]+\.\w+$/,
  /^\/usr\/bin\/nvidia-smi$/,
  /^\/boot\/vmlinuz-99\.0\.0-test$/,
  /^\/var\/lib\/dpkg\/diversions(-old)?$/,
  // Put aside while packages came, and back.
  /^\/usr\/sbin\/policy-rc\.d$/,
  // Emptied.
  /^\/etc\/machine-id$/,
  /^\/var\/log\//,
];

/** Pure: what is otherwise than the manifest has it, and what it does not have. */
function differences(provisioned: readonly ProvisionedEntry[], found: ReadonlyMap<string, Found>): string[] {
  const wrong = provisioned.flatMap(({ path, kind, mode, sha256: sum, target }) => {
    // Below a tree there is something, of which nothing is known.
    const here = path.includes('*') ? undefined : found.get(path);
    if (path.includes('*')) return [];
    if (here === undefined) return [`${path} is not there`];
    const isSo =
      here.kind === kind &&
      here.owner === '0:0' &&
      (mode === undefined || here.mode === mode) &&
      (sum === undefined || here.content === sum) &&
      (target === undefined || here.content === target);
    return isSo ? [] : [`${path} is ${JSON.stringify(here)}`];
  });
  const strange = [...found].flatMap(([path, { kind }]) => {
    const isKnown =
      kind === 'folder' ||
      provisioned.some((entry) => entry.path === path || matchesGlob(path, entry.path)) ||
      OF_OTHERS.some((each) => each.test(path));
    return isKnown ? [] : [`${path} is in no manifest`];
  });
  return [...wrong, ...strange];
}

describe('what the provisioners leave is what the manifest says, and nothing else', () => {
  test('of the lab', async (context) => {
    if (!canBake) context.skip('it needs root, a mount namespace of its own and overlayfs');
    const { plan, found } = await bake(await goldenInput('cpu-bookworm-local'));
    expect(differences(plan.provisioned, found)).toEqual([]);
    expect(found.get('/opt/ecs-host/plan-summary.json')?.content).toBe(sha256(planSummaryText(plan)));
  });

  test('of a host with a GPU and everything from its official source', async (context) => {
    if (!canBake) context.skip('it needs root, a mount namespace of its own and overlayfs');
    const input = await goldenInput('g3s-focal-local');
    const { trust, substitutions } = input.standIns ?? { trust: null, substitutions: [] };
    if (trust === null) throw new Error('the case has stand-ins');
    const key = { fingerprint: FINGERPRINT, key: 'any' };
    const nvidiaDriver = { version: trust.nvidiaDriver?.version ?? '', sha256: sha256(DRIVER) };
    const keys = { docker: key, nvidiaContainerToolkit: key, ecsAgent: key, awsCli: key, nvidiaDriver };
    const profile = { ...input.selection.profile, swapMiB: 1 };
    const selection = { ...input.selection, profile };
    const { plan, found } = await bake({ ...input, selection, standIns: { trust: keys, substitutions } });
    expect(differences(plan.provisioned, found)).toEqual([]);
  });
});
