import { createHash } from 'node:crypto';
import type { ControlPort } from './webserver.ts';

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

/**
 * The bytes that a host signs in its handshake and the webserver verifies. They bind the nonce (so that nothing
 * recorded can be shown again) to the identity document and to the control port (so that nobody in between can exchange
 * them).
 */
export function proofText(handshake: {
  readonly nonce: string;
  readonly instanceId: string;
  readonly identityDocument: string;
  readonly control: ControlPort | null;
}): Buffer {
  const { nonce, instanceId, identityDocument, control } = handshake;
  const port = control === null ? 'none' : `${control.port} ${sha256(control.certificate)} ${sha256(control.token)}`;
  return Buffer.from(`ecs-host handshake v1\n${nonce}\n${instanceId}\n${sha256(identityDocument)}\n${port}\n`);
}
