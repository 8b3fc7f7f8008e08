import { HOST_FOLDER, HOST_NODE, onHost } from '#contracts/host-paths.ts';

export const UPLOAD_PATH = '/tmp/ecs-host-bundle.tar';
export const BUNDLE_FILE = 'bundle.tar';

/** One step on the build instance: the upload, or a script of several lines that ends at the first that fails. */
export type ProvisioningStep = { readonly name: string; readonly upload?: true; readonly inline?: readonly string[] };

/**
 * A line that waits for the base image's own first boot. 2 is "done, with recoverable errors": it may warn. Of one that
 * failed cloud-init says more than its exit code.
 */
export const FIRST_BOOT_IS_OVER =
  'cloud-init status --wait >/dev/null || [ $? -eq 2 ] || { cloud-init status --long >&2; exit 1; }';

/** A line that unpacks what was carried, as root's own; run as root. */
export function extractLine(archive: string, folder: string): string {
  return `tar --extract --no-same-owner --file ${archive} --directory ${folder}`;
}

/**
 * What happens on the build instance, in order: carry the bundle, unpack, wait for the base image's own first boot,
 * then one provisioner after the other. They share one script and one process, because Packer spends a quarter of a
 * second on each script and Node a tenth on each start; their own events tell them apart. Part of what the plan's
 * digest is over.
 */
export function provisioningSteps(provisioners: readonly string[], { carriesNode = true } = {}): ProvisioningStep[] {
  return [
    { name: 'carry', upload: true },
    {
      name: 'provision',
      inline: [
        `sudo install -d -m 0755 ${HOST_FOLDER} ${HOST_FOLDER}/rootfs`,
        `sudo ${extractLine(UPLOAD_PATH, HOST_FOLDER)}`,
        ...(carriesNode ? [`sudo gunzip --force ${HOST_NODE}.gz`, `sudo chmod 0755 ${HOST_NODE}`] : []),
        `sudo ${extractLine(`${HOST_FOLDER}/rootfs.tar`, `${HOST_FOLDER}/rootfs`)}`,
        `rm ${UPLOAD_PATH}`,
        // Unpacking does not depend on it, and it is as a rule over by then.
        FIRST_BOOT_IS_OVER,
        `sudo ${HOST_NODE} ${onHost('provisioners/main.mjs')} bake ${provisioners.join(' ')}`,
      ],
    },
  ];
}
