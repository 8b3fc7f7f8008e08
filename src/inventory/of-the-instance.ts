/**
 * What below /etc is an instance's own, or follows from what is listed anyway: it differs between two instances of one
 * image, and says nothing about the image.
 */
export const OF_THE_INSTANCE: readonly (readonly [path: RegExp, reason: string])[] = [
  [/^\/etc\/(machine-id|hostid)$/, 'made at the first boot'],
  [/^\/etc\/(hostname|hosts|mailname)$/, 'its name, by cloud-init'],
  [/^\/etc\/resolv\.conf$/, 'by DHCP'],
  [/^\/etc\/ssh\/ssh_host_.*$/, 'host keys, made at the first boot'],
  [/^\/etc\/ssl\/private\/.*$/, 'private keys'],
  [/^\/etc\/(netplan|network\/interfaces\.d|systemd\/network)\/.*cloud-init.*$/, 'its network, by cloud-init'],
  [/^\/etc\/systemd\/network\/10-cloud-init.*$/, 'its network, by cloud-init'],
  [/^\/etc\/udev\/rules\.d\/70-persistent-net\.rules$/, 'its network cards'],
  [/^\/etc\/sudoers\.d\/90-cloud-init-users$/, 'by cloud-init, with the time of the boot in it'],
  [/^\/etc\/(shadow|gshadow)-?$/, 'hashes of passwords'],
  [/^\/etc\/(passwd|group|subuid|subgid)-$/, 'what the file of that name was before its last change'],
  [/^\/etc\/(\.pwd\.lock|\.updated|adjtime)$/, 'marks of when something was done'],
  [/^\/etc\/ld\.so\.cache$/, 'made from what the packages hold'],
  [/^\/etc\/ssl\/certs\/[0-9a-f]{8}\.\d+$/, 'a link by hash to a certificate that is listed'],
  [/^\/etc\/(ecs|ecs-host)\/.*$/, 'by user data'],
  [/^\/etc\/docker\/key\.json$/, "the Docker daemon's own key"],
  [/^\/etc\/(iscsi\/initiatorname\.iscsi|nvme\/host(id|nqn))$/, 'its name for storage'],
  [/^\/etc\/(mtab)$/, 'a view of what is mounted'],
];

export function isOfTheInstance(path: string): boolean {
  return OF_THE_INSTANCE.some(([pattern]) => pattern.test(path));
}
