import { _InstanceType } from '@aws-sdk/client-ec2';

/**
 * The sizes of every family of instance types, from AWS's SDK: a renewed SDK renews the list. A file of its own,
 * because whoever only checks hosts.yaml should not have to load the SDK.
 */
export default async (): Promise<{ path: string; text: string }[]> => {
  const sizes = new Map<string, string[]>();
  for (const type of Object.values(_InstanceType).toSorted()) {
    const [family = '', size = ''] = type.split('.');
    sizes.set(family, [...(sizes.get(family) ?? []), size]);
  }
  const families = Object.fromEntries([...sizes].map(([family, known]) => [family, known.join(' ')]));
  return [{ path: 'src/config/instance-sizes.json', text: `${JSON.stringify(families, null, 2)}\n` }];
};
