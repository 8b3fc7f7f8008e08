import type { Route, RouteTable } from '@aws-sdk/client-ec2';

/** What the default route of a subnet leads to. */
export type WayOut = { readonly kind: 'internet gateway' | 'NAT' | 'transit gateway'; readonly id: string };

const EVERYWHERE = '0.0.0.0/0';

/** A NAT instance is the target as an instance or as its interface. A VPN gateway or a peered VPC leads nowhere. */
function targetOf(route: Route): WayOut | null {
  const nat = route.NatGatewayId ?? route.NetworkInterfaceId ?? route.InstanceId;
  if (route.GatewayId?.startsWith('igw-')) return { kind: 'internet gateway', id: route.GatewayId };
  if (nat) return { kind: 'NAT', id: nat };
  return route.TransitGatewayId ? { kind: 'transit gateway', id: route.TransitGatewayId } : null;
}

/** By its own table, else by the main one of its VPC. Pure; null when no default route leads anywhere. */
export function wayOutOf(subnetId: string, tables: readonly RouteTable[]): WayOut | null {
  const own = tables.find(({ Associations = [] }) => Associations.some((each) => each.SubnetId === subnetId));
  const main = tables.find(({ Associations = [] }) => Associations.some((each) => each.Main === true));
  const route = (own ?? main)?.Routes?.find(
    ({ DestinationCidrBlock, State }) => DestinationCidrBlock === EVERYWHERE && State !== 'blackhole',
  );
  return route === undefined ? null : targetOf(route);
}
