import { formatMinutes } from '../io/duration.ts';
import { commandLine } from '../io/shell-quote.ts';
import { tableLines } from '../io/table.ts';
import { wrapText } from '../io/text.ts';
import { priceOf } from '../plan/price.ts';
import { conditionOf, type DevHost } from './dev-host.ts';

function minutesLeft({ expires }: DevHost, now: number): number | null {
  return expires === null ? null : (Date.parse(expires) - now) / 60_000;
}

/** `20:00 UTC, in 8 h`. */
export function stopText(host: DevHost, now: number = Date.now()): string {
  const left = minutesLeft(host, now);
  if (host.expires === null || left === null) return 'at a time that its tag does not say';
  const day = new Date(now).toISOString().slice(0, 10);
  const at = host.expires.startsWith(day) ? host.expires.slice(11, 16) : host.expires.slice(0, 16).replace('T', ' ');
  return left > 0 ? `${at} UTC, in ${formatMinutes(left)}` : `${at} UTC, ${formatMinutes(-left)} ago`;
}

function stopCell(host: DevHost, now: number): string {
  return host.state === 'running' || host.state === 'pending' ? stopText(host, now) : '';
}

/** `ecs-host dev-host list`. */
export function listLines(
  hosts: readonly DevHost[],
  {
    showsUsers,
    width,
    now = Date.now(),
  }: { readonly showsUsers: boolean; readonly width: number; readonly now?: number },
): string[] {
  const head = [...(showsUsers ? ['user'] : []), 'name', 'state', 'stops', 'type', 'instance', 'address', 'from'];
  const rows = hosts.map((host) => [
    ...(showsUsers ? [host.user] : []),
    host.name,
    conditionOf(host, now),
    stopCell(host, now),
    host.instanceType,
    host.instanceId,
    host.address ?? '',
    host.source,
  ]);
  return tableLines(head, rows, width);
}

/** The command for a host, as somebody would type it where this one was typed. */
export function devCommand(verb: string, name: string, region: string, ...more: readonly string[]): string {
  const where = region === 'local' ? [] : ['--region', region];
  // What stands behind -- is a command, and no option of ours.
  const rest = more[0] === '--' ? [...where, ...more] : [...more, ...where];
  return commandLine({}, ['ecs-host', 'dev-host', verb, name, ...rest]);
}

const INDENT = ' '.repeat(10);

/** What `up` and `start` end with. */
export function readyLines(
  host: DevHost,
  about: { readonly region: string; readonly isLab: boolean; readonly sizeGiB: number; readonly width: number },
): string[] {
  const { region, isLab, sizeGiB, width } = about;
  const { name, instanceType, apiRegion, idleMinutes } = host;
  const idle = idleMinutes === 0 ? '' : `, or after ${formatMinutes(idleMinutes)} without use`;
  const lines = [
    `host      ${name} (${host.instanceId}, ${instanceType}${host.address === null ? '' : `, ${host.address}`}), from ${host.source}`,
    `connect   ${devCommand('connect', name, region)}`,
    `sync      ${devCommand('sync', name, region, '.')}`,
    `stream    ${devCommand('stream', name, region)}`,
    `destroy   ${devCommand('destroy', name, region)}`,
    `price     ${priceOf({ instanceType, apiRegion, sizeGiB, isLab }).text}`,
    `stops     ${stopText(host)}${idle}; ${devCommand('extend', name, region)} gives it more time`,
  ];
  return lines.flatMap((line) => wrapText(line, width, INDENT));
}
