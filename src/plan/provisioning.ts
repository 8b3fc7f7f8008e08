/** Where things are on the build instance. The provisioners know the same paths. */
export const TARGET_FOLDER = '/opt/ecs-host';
export const UPLOAD_PATH = '/tmp/ecs-host-bundle.tar';
export const BUNDLE_FILE = 'bundle.tar';

/** One step on the build instance: the upload, or a script of several lines that ends at the first that fails. */
export type ProvisioningStep = { readonly name: string; readonly upload?: true; readonly inline?: readonly string[] };

/**
 * What happens on the build instance, in order: carry the bundle, wait for the base image's own first boot, unpack, then one provisioner
 * after the other. They share one script and one process, because Packer spends a quarter of a second on each script and Node a tenth on
 * each start; their own events tell them apart.
 * Part of what the plan's digest is over.
 */
export function provisioningSteps(provisioners: readonly string[]): ProvisioningStep[] {
  return [
    { name: 'carry', upload: true },
    {
      name: 'provision',
      inline: [
        // 2 is "done, with recoverable errors"; a base image that warns is still a base image.
        'cloud-init status --wait >/dev/null || [ $? -eq 2 ]',
        `sudo install -d -m 0755 ${TARGET_FOLDER} ${TARGET_FOLDER}/rootfs`,
        `sudo tar --extract --no-same-owner --file ${UPLOAD_PATH} --directory ${TARGET_FOLDER}`,
        `sudo gunzip --force ${TARGET_FOLDER}/bin/node.gz`,
        `sudo chmod 0755 ${TARGET_FOLDER}/bin/node`,
        `sudo tar --extract --no-same-owner --file ${TARGET_FOLDER}/rootfs.tar --directory ${TARGET_FOLDER}/rootfs`,
        `rm ${UPLOAD_PATH}`,
        `sudo ${TARGET_FOLDER}/bin/node ${TARGET_FOLDER}/provisioners/main.mjs bake ${provisioners.join(' ')}`,
      ],
    },
  ];
}
