/**
 * The protocol between a host and its webserver, version 1: HTTPS, JSON bodies.
 * POST /host_service/auth       HandshakeRequest -> 200 HandshakeGranted | 403 HandshakeDenied | 4xx, 5xx (retried)
 * POST /host_service/heartbeat  HeartbeatRequest, `Authorization: Bearer <token>` -> 200 HeartbeatAnswer | 401
 */
export type HandshakeRequest = {
  readonly version: 1;
  readonly instanceId: string;
  readonly instanceType: string;
  readonly region: string;
  readonly imageId: string;
  /** The instance identity document, byte for byte as IMDS gave it, and its base64 signature. */
  readonly identityDocument: string;
  readonly identitySignature: string;
};
export type HandshakeGranted = { readonly version: 1; readonly authToken: string; readonly expiresInSeconds: number };
export type HandshakeDenied = { readonly version: 1; readonly denied: true; readonly reason: string };
export type HeartbeatRequest = {
  readonly version: 1;
  readonly timestamp: string;
  readonly heartbeatNumber: number;
  readonly instanceId: string;
  readonly totalMemoryKiB: number;
  readonly freeMemoryKiB: number;
  readonly isDyingHeartbeat: boolean;
};
export type HeartbeatAnswer = { readonly version: 1; readonly authToken: string; readonly expiresInSeconds: number };
