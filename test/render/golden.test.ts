import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { describe, expect, test } from 'vitest';
import { findPacker } from '../../src/bake/toolchain.ts';
import { fastBuild, slowBuild } from '../../src/plan/layers.ts';
import { planSummary } from '../../src/plan/summary.ts';
import { templateText } from '../../src/render/render.ts';
import { tempFolder } from '../support/temp-folder.ts';
import { GOLDEN, goldenCases, goldenPlan } from './golden-cases.ts';

/** `UPDATE_GOLDEN=1` writes the expected files anew; look at the difference before committing it. */
async function compare(file: string, actual: string): Promise<void> {
  if (process.env['UPDATE_GOLDEN'] === '1') await writeFile(file, actual);
  expect(actual).toBe(await readFile(file, 'utf8'));
}

/** The real packer on a template; null when there is no packer here. */
async function validate(template: string): Promise<{ exitCode: number | undefined; output: string } | null> {
  const tool = await findPacker().catch(() => null);
  if (!tool) return null;
  const folder = tempFolder();
  await writeFile(join(folder, 'image.pkr.json'), template);
  await writeFile(join(folder, 'bundle.tar'), '');
  const result = await execa(tool.packer, ['validate', join(folder, 'image.pkr.json')], {
    reject: false,
    all: true,
    env: {
      CHECKPOINT_DISABLE: '1',
      PACKER_CONFIG_DIR: folder,
      ...(tool.pluginPath === null ? {} : { PACKER_PLUGIN_PATH: tool.pluginPath }),
    },
  });
  return { exitCode: result.exitCode, output: result.all };
}

describe.each(goldenCases())('%s', (name) => {
  test('renders the expected template and plan', async () => {
    const plan = await goldenPlan(name);
    await compare(join(GOLDEN, name, 'expected.pkr.json'), templateText(plan));
    await compare(join(GOLDEN, name, 'expected-plan.txt'), `${planSummary(plan).join('\n')}\n`);
  });

  test('renders the expected templates of its layers', async () => {
    const plan = await goldenPlan(name);
    await compare(join(GOLDEN, name, 'expected-slow.pkr.json'), templateText(plan, slowBuild(plan)));
    await compare(join(GOLDEN, name, 'expected-fast.pkr.json'), templateText(plan, fastBuild(plan, 'ami-slow-layer')));
  });

  test('passes packer validate', async (context) => {
    for (const file of ['expected.pkr.json', 'expected-slow.pkr.json', 'expected-fast.pkr.json']) {
      const result = await validate(await readFile(join(GOLDEN, name, file), 'utf8'));
      if (!result) return context.skip('no packer here; run `make setup`');
      expect(result.exitCode, result.output).toBe(0);
    }
  });

  test('asks for what every image must have', async () => {
    const plan = await goldenPlan(name);
    const { source, build } = JSON.parse(templateText(plan)) as {
      source: { 'amazon-ebs': { host: Record<string, unknown> } };
      build: { provisioner: { shell?: { inline: string[] } }[] };
    };
    const host = source['amazon-ebs'].host;
    expect(host['metadata_options']).toMatchObject({ http_tokens: 'required', http_put_response_hop_limit: 1 });
    expect(host['imds_support']).toBe('v2.0');
    expect(host).toMatchObject({
      shutdown_behavior: 'terminate',
      user_data: expect.stringContaining('ecs-host-build-deadline'),
    });
    expect(host['launch_block_device_mappings']).toMatchObject([
      { volume_size: 32, volume_type: 'gp3', encrypted: true, delete_on_termination: true },
    ]);
    expect(JSON.stringify(host)).not.toContain('0.0.0.0/0');
    expect(host['aws_polling']).toMatchObject({ delay_seconds: expect.any(Number), max_attempts: expect.any(Number) });
    expect(host['ssh_interface']).toBe(plan.network.transport === 'session-manager' ? 'session_manager' : 'public_ip');
    const script = build.provisioner.at(-1)?.shell?.inline ?? [];
    const last = (/provisioners\/main\.mjs bake (.*)$/.exec(script.at(-1) ?? '')?.[1] ?? '').split(' ').slice(-3);
    expect(last).toEqual(['record-versions', 'clean', 'verify']);
  });
});

test('packer validate refuses a broken template', async (context) => {
  const template = JSON.parse(templateText(await goldenPlan('cpu-bookworm-local'))) as {
    source: { 'amazon-ebs': { host: Record<string, unknown> } };
  };
  template.source['amazon-ebs'].host['instance_tipe'] = 't3.large';
  const result = await validate(JSON.stringify(template));
  if (!result) return context.skip('no packer here; run `make setup`');
  expect(result.exitCode).not.toBe(0);
  expect(result.output).toContain('instance_tipe');
});
