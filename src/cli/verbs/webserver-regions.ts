import type { HostsConfig, Region } from '../../config/hosts-config.ts';

/**
 * Pure: EC2's names of the regions whose hosts are let in: all of hosts.yaml, of the lab where the chosen one is the
 * lab's, and of AWS where it is not. A document of the lab is signed by the lab's own key.
 */
export function regionsLetIn(regions: HostsConfig['regions'], chosen: Region): readonly string[] {
  const isLab = (region: Region): boolean => region.lab === true;
  const alike = Object.entries(regions).filter(([, region]) => isLab(region) === isLab(chosen));
  return [...new Set(alike.map(([name, region]) => region.apiRegion ?? name))];
}
