/**
 * Where a host's control port listens: the host service, the rules of hosts.yaml and the security group of bootstrap
 * agree on it.
 */
export const CONTROL_PORT = 4678;
