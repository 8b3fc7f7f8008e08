/* Generated from webserver.schema.json by `npm run generate`. */

/**
 * Version of the protocol.
 *
 * This interface was referenced by `WebserverProtocol`'s JSON-Schema
 * via the `definition` "version".
 */
export type Version = 1;
/**
 * This interface was referenced by `WebserverProtocol`'s JSON-Schema
 * via the `definition` "instanceId".
 */
export type InstanceId = string;
/**
 * Opaque; 256 random bits.
 *
 * This interface was referenced by `WebserverProtocol`'s JSON-Schema
 * via the `definition` "token".
 */
export type Token = string;
/**
 * One sentence for people, in one line: no control characters.
 *
 * This interface was referenced by `WebserverProtocol`'s JSON-Schema
 * via the `definition` "reason".
 */
export type Reason = string;
/**
 * This interface was referenced by `WebserverProtocol`'s JSON-Schema
 * via the `definition` "seconds".
 */
export type Seconds = number;

/**
 * A host asks for the nonce of its next handshake.
 *
 * This interface was referenced by `WebserverProtocol`'s JSON-Schema
 * via the `definition` "ChallengeRequest".
 */
export interface ChallengeRequest {
  version: Version;
  instanceId: InstanceId;
}
/**
 * Good for one handshake of this instance.
 *
 * This interface was referenced by `WebserverProtocol`'s JSON-Schema
 * via the `definition` "Challenge".
 */
export interface Challenge {
  version: Version;
  nonce: Token;
  expiresInSeconds: Seconds;
}
/**
 * Where the webserver reaches the host, and how each knows the other.
 *
 * This interface was referenced by `WebserverProtocol`'s JSON-Schema
 * via the `definition` "ControlPort".
 */
export interface ControlPort {
  port: number;
  /**
   * PEM; made anew in each life of the host service. The webserver accepts this one and no other.
   */
  certificate: string;
  /**
   * Opaque; 256 random bits.
   */
  token: string;
}
/**
 * Who the host is, and the proof.
 *
 * This interface was referenced by `WebserverProtocol`'s JSON-Schema
 * via the `definition` "HandshakeRequest".
 */
export interface HandshakeRequest {
  version: Version;
  instanceId: InstanceId;
  instanceType: string;
  region: string;
  imageId: string;
  /**
   * What the host's configuration calls it: dev, staging, prod.
   */
  environment: string;
  nonce: Token;
  /**
   * The instance identity document, byte for byte as the metadata service gave it.
   */
  identityDocument: string;
  /**
   * Its base64 RSA signature, from instance-identity/signature.
   */
  identitySignature: string;
  /**
   * Its PKCS #7 signature with a key of 2048 bits, from instance-identity/rsa2048 (base64); null where EC2 has none.
   */
  identityPkcs7?: string | null;
  /**
   * Ed25519 public key (SPKI, base64) of this boot. Whoever has the private half is the host that shook hands before.
   */
  hostKey: string;
  /**
   * Ed25519 signature (base64) by hostKey over proofText (contracts/proof.ts): nonce, document and control port.
   */
  proof: string;
  control: ControlPort | null;
}
/**
 * 200: the host may open its gate.
 *
 * This interface was referenced by `WebserverProtocol`'s JSON-Schema
 * via the `definition` "HandshakeGranted".
 */
export interface HandshakeGranted {
  version: Version;
  authToken: Token;
  expiresInSeconds: Seconds;
}
/**
 * 403: final, until somebody tells the host to ask again.
 *
 * This interface was referenced by `WebserverProtocol`'s JSON-Schema
 * via the `definition` "HandshakeDenied".
 */
export interface HandshakeDenied {
  version: Version;
  denied: true;
  reason: Reason;
}
/**
 * Every 55 to 65 seconds, and once more on the way out.
 *
 * This interface was referenced by `WebserverProtocol`'s JSON-Schema
 * via the `definition` "HeartbeatRequest".
 */
export interface HeartbeatRequest {
  version: Version;
  /**
   * The host's clock, ISO 8601. For people: nothing is decided by it.
   */
  timestamp: string;
  heartbeatNumber: number;
  instanceId: InstanceId;
  totalMemoryKiB: number;
  freeMemoryKiB: number;
  isDyingHeartbeat: boolean;
}
/**
 * 200: the next token, and what the webserver wants of the host.
 *
 * This interface was referenced by `WebserverProtocol`'s JSON-Schema
 * via the `definition` "HeartbeatAnswer".
 */
export interface HeartbeatAnswer {
  version: Version;
  authToken: Token;
  expiresInSeconds: Seconds;
  /**
   * drain: take no more tasks, let those that run end, and stop.
   */
  command: 'serve' | 'drain';
}
/**
 * 403 to a heartbeat: the host is no longer trusted. It drains and shuts its gate.
 *
 * This interface was referenced by `WebserverProtocol`'s JSON-Schema
 * via the `definition` "Revoked".
 */
export interface Revoked {
  version: Version;
  revoked: true;
  reason: Reason;
}
/**
 * 4xx: this request cannot be served; asking again later may help.
 *
 * This interface was referenced by `WebserverProtocol`'s JSON-Schema
 * via the `definition` "Refusal".
 */
export interface Refusal {
  version: Version;
  code: 'MALFORMED' | 'TOO_LARGE' | 'NOT_FOUND' | 'NONCE' | 'PROOF' | 'INSTANCE_KNOWN' | 'TOKEN' | 'BUSY' | 'INTERNAL';
  reason: Reason;
}
/**
 * Body of POST /v1/drain and /v1/revoke on the host's control port.
 *
 * This interface was referenced by `WebserverProtocol`'s JSON-Schema
 * via the `definition` "ControlRequest".
 */
export interface ControlRequest {
  version: Version;
  reason: Reason;
}
/**
 * 202: heard; the phase in which the host is.
 *
 * This interface was referenced by `WebserverProtocol`'s JSON-Schema
 * via the `definition` "ControlAnswer".
 */
export interface ControlAnswer {
  version: Version;
  phase: string;
}
