import { HOST_FOLDER, HOST_NODE, onHost } from '#contracts/host-paths.ts';

export const UPLOAD_PATH = '/tmp/ecs-host-bundle.tar';
export const BUNDLE_FILE = 'bundle.tar';

/** One step on the build instance: the upload, or a script of several lines that ends at the first that fails. */
export type ProvisioningStep = { readonly name: string; readonly upload?: true; readonly inline?: readonly string[] };

/**
 * What happens on the build instance, in order: carry the bundle, wait for the base image's own first boot, unpack,
 * then one provisioner after the other. They share one script and one process, because Packer spends a quarter of a
 * second on each script and Node a tenth on each start; their own events tell them apart. Part of what the plan's
 * digest is over.
 */
export function provisioningSteps(provisioners: readonly string[]): ProvisioningStep[] {
  return [
    { name: 'carry', upload: true },
    {
      name: 'provision',
      inline: [
        // 2 is "done, with recoverable errors"; a base image that warns is still a base image.
        'cloud-init status --wait >/dev/null || [ $? -eq 2 ]',
        `sudo install -d -m 0755 ${HOST_FOLDER} ${HOST_FOLDER}/rootfs`,
        `sudo tar --extract --no-same-owner --file ${UPLOAD_PATH} --directory ${HOST_FOLDER}`,
        `sudo gunzip --force ${HOST_NODE}.gz`,
        `sudo chmod 0755 ${HOST_NODE}`,
        `sudo tar --extract --no-same-owner --file ${HOST_FOLDER}/rootfs.tar --directory ${HOST_FOLDER}/rootfs`,
        `rm ${UPLOAD_PATH}`,
        `sudo ${HOST_NODE} ${onHost('provisioners/main.mjs')} bake ${provisioners.join(' ')}`,
      ],
    },
  ];
}
