import { readFile, writeFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import { join } from 'node:path';
import { type Confirm, confirmAddress, confirmAll, confirmOnce, createConfirmEc2 } from '../../../webserver/confirm.ts';
import { makeSelfSigned, type SelfSigned } from '../../../webserver/tls.ts';
import { userError } from '../../io/errors.ts';
import { stateFolder } from '../../io/paths.ts';
import { type Argv, listOf, textOf } from '../arguments.ts';
import type { WebserverEc2 } from './webserver-ec2.ts';

/** How `ecs-host webserver` was called; checked before anything is started. */
export type WebserverArguments = {
  readonly address: string;
  readonly port: number;
  readonly accountIds: readonly string[] | null;
  readonly imageIds: readonly string[] | null;
  /** Certificate and key in files; null for one made here. */
  readonly pemFiles: { readonly cert: string; readonly key: string } | null;
  /** What is asked of a host beyond its document. */
  readonly confirms: readonly ConfirmName[];
  readonly storeFile: string | null;
  /** 0 for never. */
  readonly terminateAfterS: number;
};

/** In the order in which they are asked. */
const CONFIRM_NAMES = ['address', 'once', 'ec2'] as const;
export type ConfirmName = (typeof CONFIRM_NAMES)[number];

function confirmNames(chosen: readonly string[]): ConfirmName[] {
  if (chosen.includes('none') && chosen.length > 1)
    throw userError('CONFIRM', '--confirm none is nothing together with another one.', 'leave one of them out');
  return CONFIRM_NAMES.filter((name) => chosen.includes(name));
}

function wholeNumber(argv: Argv, name: string, most: number): number {
  const number = Number(argv[name]);
  if (Number.isInteger(number) && number >= 0 && number <= most) return number;
  throw userError('OPTION_NUMBER', `--${name} takes a whole number from 0 to ${most}.`, `found: ${String(argv[name])}`);
}

/** @throws EcsHostError (user) on what no webserver can be told */
export function webserverArguments(argv: Argv): WebserverArguments {
  const [cert, key] = [textOf(argv, 'cert'), textOf(argv, 'key')];
  if ((cert === null) !== (key === null))
    throw userError(
      'CERTIFICATE_HALF',
      '--cert and --key belong together.',
      'give both, or neither for a certificate made here',
    );
  const address = textOf(argv, 'address') ?? '127.0.0.1';
  if (isIP(address) === 0)
    throw userError('ADDRESS', `"${address}" is no IP address.`, 'for example --address 0.0.0.0');
  return {
    address,
    port: wholeNumber(argv, 'port', 65_535),
    accountIds: listOf(argv, 'account'),
    imageIds: listOf(argv, 'image'),
    pemFiles: cert === null || key === null ? null : { cert, key },
    confirms: confirmNames(listOf(argv, 'confirm') ?? ['ec2']),
    storeFile: textOf(argv, 'store'),
    terminateAfterS: wholeNumber(argv, 'terminate-after', 10 ** 9),
  };
}

function readPem(path: string, option: string): Promise<string> {
  return readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw userError(
      'CERTIFICATE_UNREADABLE',
      `${path} cannot be read: ${error.code ?? error.message}.`,
      `see ${option}`,
    );
  });
}

/** The certificate that was given, or one made for the address; then its PEM goes to a file that hosts can be given. */
export async function findTls({
  pemFiles,
  address,
}: WebserverArguments): Promise<SelfSigned & { readonly caFile: string | null }> {
  if (pemFiles !== null)
    return {
      cert: await readPem(pemFiles.cert, '--cert'),
      key: await readPem(pemFiles.key, '--key'),
      caFile: null,
    };
  const tls = await makeSelfSigned(address);
  const caFile = join(stateFolder(), 'webserver-ca.pem');
  await writeFile(caFile, tls.cert);
  return { ...tls, caFile };
}

/** What is asked of a host beyond its document, or null for nothing. */
export function findConfirm(names: readonly ConfirmName[], { describe }: WebserverEc2): Confirm | null {
  const confirms = { address: confirmAddress, once: confirmOnce, ec2: createConfirmEc2(describe) };
  return names.length === 0 ? null : confirmAll(names.map((name) => confirms[name]));
}
