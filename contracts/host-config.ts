/* Generated from host-config.schema.json by `npm run generate`. */

/**
 * /etc/ecs-host/host.json: what user data tells the host service.
 */
export interface HostConfig {
  /**
   * 1, the version of this format
   */
  version: 1;
  /**
   * https://host[:port] with nothing after it
   */
  webserverUrl: string;
  /**
   * null (the system's trust store, update-ca-certificates, and Node's own list), or in PEM the certificate (or several) of the authority that signs the webserver's
   */
  webserverCa: string | null;
  /**
   * a name of lower-case letters, digits and dashes
   */
  environment: string;
  /**
   * a whole number from 0 to 3600: how long tasks may take to end when the host leaves, in seconds (at most 90 after an interruption notice of EC2)
   */
  drainSeconds?: number;
  /**
   * null (never), or a whole number from 0 to 604800: how long after it was denied, drained or revoked the host powers itself off, in seconds, unless it was told to ask again (systemctl reload ecs-host)
   */
  powerOffSeconds?: number | null;
  /**
   * tell (the host says so and goes on) or drain: what a rebalance recommendation of EC2 for a spot instance does
   */
  rebalance?: 'tell' | 'drain';
}
