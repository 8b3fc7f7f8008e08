import type { ServerResponse } from 'node:http';
import { printable } from '#contracts/printable.ts';

export function answer(
  response: ServerResponse,
  status: number,
  body: object | string,
  headers: Readonly<Record<string, string>> = {},
): void {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  const length = { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(text) };
  response.writeHead(status, { ...headers, ...length });
  response.end(text);
}

/** A reason as the protocol takes one. */
export function toldReason(text: string): string {
  return printable(text.trim() || 'no reason was given', 200);
}
