import type { BuildPlan } from '../plan/build-plan.ts';
import { wholeBuild } from '../plan/layers.ts';
import { BUNDLE_FILE, UPLOAD_PATH } from '../plan/provisioning.ts';
import { deadlineConfig, deadlineS } from '../run/deadline.ts';
import { runTags, TAG } from '../run/tags.ts';

const SOURCE = 'host';
/** Packer stops waiting for the build instance to let it in. */
export const SSH_TIMEOUT_MIN = 10;

/**
 * Tags that Packer puts on whatever it makes, so that a sweep finds it. What changes from run to run comes in by
 * variable.
 */
// biome-ignore lint/suspicious/noTemplateCurlyInString: HCL's own templates.
const RUN_TAGS = runTags({ runId: '${var.run_id}', owner: '${var.owner}', kind: 'build' });

function communicator({ network }: BuildPlan): object {
  return {
    ...(network.transport === 'session-manager'
      ? { ssh_interface: 'session_manager' }
      : { ssh_interface: 'public_ip', temporary_security_group_source_cidrs: network.sshSourceCidrs }),
    // Empty as a rule; a bake has one that knows sooner whether the instance answers (src/bake/ssh-relay.ts).
    // biome-ignore-start lint/suspicious/noTemplateCurlyInString: HCL's own templates.
    ssh_proxy_host: '${var.ssh_proxy_host}',
    ssh_proxy_port: '${var.ssh_proxy_port}',
    // biome-ignore-end lint/suspicious/noTemplateCurlyInString: HCL's own templates.
  };
}

/** Against anything but AWS: nothing of AWS is asked. */
function endpoint({ endpointUrl }: BuildPlan): object {
  return endpointUrl === null
    ? {}
    : {
        // biome-ignore lint/suspicious/noTemplateCurlyInString: HCL's own templates.
        custom_endpoint_ec2: '${var.endpoint}',
        skip_credential_validation: true,
        skip_metadata_api_check: true,
        skip_region_validation: true,
      };
}

const PROXY_VARIABLES = {
  ssh_proxy_host: { type: 'string', default: '', description: 'SOCKS proxy to the instance; none when empty.' },
  ssh_proxy_port: { type: 'number', default: 0, description: 'Port of ssh_proxy_host.' },
};

/** Where the build instance is launched; the first placement is only what goes without a run. */
function placementVariables({ placements: [first] }: BuildPlan): object {
  const { instanceType = '', subnetId = '', public: isPublic = true } = first ?? {};
  return {
    instance_type: { type: 'string', default: instanceType, description: 'Type of the build instance.' },
    subnet: { type: 'string', default: subnetId, description: 'Subnet of the build instance.' },
    public_address: { type: 'bool', default: isPublic, description: 'Whether it has a public address.' },
  };
}

/** As it will be in the image. */
function rootVolume({ baseImage, rootVolume: { sizeGiB, type, encrypted }, kmsKey }: BuildPlan): object {
  return {
    device_name: baseImage.rootDeviceName,
    volume_size: sizeGiB,
    volume_type: type,
    encrypted,
    ...(kmsKey === null ? {} : { kms_key_id: kmsKey }),
    delete_on_termination: true,
  };
}

/**
 * The Packer template of a plan, or of one of its layers (HCL2 in JSON). Pure.
 *
 * Sources for what is not obvious: AMI waits need both polling keys or the default is shorter than a 32 GB snapshot
 * takes; metadata_options binds only the build instance, so imds_support makes the image itself IMDSv2-only; the
 * temporary group must not be open to the world.
 */
export function renderTemplate(plan: BuildPlan, build = wholeBuild(plan)): object {
  // biome-ignore-start lint/suspicious/noTemplateCurlyInString: HCL's own templates.
  const tags = { ...build.tags, ...RUN_TAGS, [TAG.commit]: '${var.commit}' };
  return {
    packer: {
      required_version: `>= ${plan.toolchain.packer}`,
      required_plugins: {
        amazon: { source: 'github.com/hashicorp/amazon', version: `= ${plan.toolchain.amazonPlugin}` },
      },
    },
    variable: {
      run_id: { type: 'string', default: 'none', description: 'Run that owns what Packer makes.' },
      owner: { type: 'string', default: 'none', description: 'Who runs it: user@host.' },
      commit: { type: 'string', default: 'none', description: 'Commit of the project that bakes.' },
      ...(plan.endpointUrl === null
        ? {}
        : { endpoint: { type: 'string', default: plan.endpointUrl, description: 'Where the EC2 API is.' } }),
      image_name: { type: 'string', default: build.imageName, description: 'Name of the image.' },
      ...(build.kind === 'fast'
        ? { source_image: { type: 'string', default: build.sourceImageId, description: 'Image of the slow layer.' } }
        : {}),
      ...placementVariables(plan),
      ...PROXY_VARIABLES,
      key_pair: { type: 'string', default: '', description: 'Key pair of the instance; Packer makes one when empty.' },
      key_file: { type: 'string', default: '', description: 'Private key of key_pair.' },
    },
    source: {
      'amazon-ebs': {
        [SOURCE]: {
          region: plan.apiRegion,
          ...endpoint(plan),
          // The run id keeps a second bake of one plan from taking the first one's name, or worse, its place.
          ami_name: '${var.image_name}-${var.run_id}',
          ami_description: build.description,
          source_ami: build.kind === 'fast' ? '${var.source_image}' : build.sourceImageId,
          instance_type: '${var.instance_type}',
          iam_instance_profile: plan.buildInstanceProfile,
          vpc_id: plan.network.vpcId,
          subnet_id: '${var.subnet}',
          associate_public_ip_address: '${var.public_address}',
          ssh_username: plan.network.sshUser,
          ssh_timeout: `${SSH_TIMEOUT_MIN}m`,
          ssh_pty: false,
          temporary_key_pair_type: 'ed25519',
          // Empty as a rule. Packer's own key is in its memory only, so an instance that is to be looked at later needs
          // another.
          ssh_keypair_name: '${var.key_pair}',
          ssh_private_key_file: '${var.key_file}',
          ...communicator(plan),
          launch_block_device_mappings: [rootVolume(plan)],
          metadata_options: { http_endpoint: 'enabled', http_tokens: 'required', http_put_response_hop_limit: 1 },
          imds_support: 'v2.0',
          shutdown_behavior: 'terminate',
          user_data: deadlineConfig('build', deadlineS('build', plan.endpointUrl)),
          aws_polling:
            plan.endpointUrl === null
              ? { delay_seconds: 15, max_attempts: 240 }
              : { delay_seconds: 1, max_attempts: 600 },
          run_tags: { ...RUN_TAGS, Name: 'build ${var.image_name}' },
          run_volume_tags: RUN_TAGS,
          snapshot_tags: tags,
          tags,
        },
      },
    },
    build: {
      sources: [`source.amazon-ebs.${SOURCE}`],
      provisioner: build.provisioning.map((step) =>
        step.upload
          ? { file: { source: `\${path.root}/${BUNDLE_FILE}`, destination: UPLOAD_PATH } }
          : { shell: { inline: step.inline, inline_shebang: '/bin/sh -eu' } },
      ),
    },
  };
  // biome-ignore-end lint/suspicious/noTemplateCurlyInString: HCL's own templates.
}
