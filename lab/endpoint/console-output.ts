import { randomUUID } from 'node:crypto';
import type { Answer } from './aws-answer.ts';
import { escapeXml } from './aws-answer.ts';

/** GetConsoleOutput's answer. EC2 sends the text base64-encoded, at most 64 KiB of it, newest last. */
export function consoleOutputAnswer(instanceId: string, text: string, now: Date): Answer {
  const newest = Buffer.from(text, 'utf8').subarray(-64 * 1024);
  return {
    status: 200,
    headers: { 'content-type': 'text/xml;charset=UTF-8' },
    body: Buffer.from(
      '<?xml version="1.0" encoding="UTF-8"?>\n<GetConsoleOutputResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/">' +
        `<requestId>${randomUUID()}</requestId><instanceId>${escapeXml(instanceId)}</instanceId>` +
        `<timestamp>${now.toISOString()}</timestamp><output>${newest.toString('base64')}</output></GetConsoleOutputResponse>`,
    ),
  };
}
