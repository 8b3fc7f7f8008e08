/**
 * Names and shapes of the ECS agent's protocol that the shim and the stand-in agent share. Source: shared measurements
 * of the real agent.
 */
export const ACS_PATH = '/acs/ws';
export const TCS_PATH = '/tcs/ws';
export const TARGET_PREFIX = 'AmazonEC2ContainerServiceV20141113';

export type Attribute = { readonly name: string; readonly value?: string };

export type Frame = { readonly type: string; readonly message: Readonly<Record<string, unknown>> };

/**
 * The agent signs its telemetry frames: header lines, an empty line, then JSON. Plain JSON passes too. @throws
 * SyntaxError
 */
export function parseFrame(raw: string): Frame {
  const split = raw.lastIndexOf('\r\n\r\n');
  return JSON.parse(split < 0 ? raw : raw.slice(split + 4)) as Frame;
}

export function frame(type: string, message: Readonly<Record<string, unknown>>): string {
  return JSON.stringify({ type, message });
}
