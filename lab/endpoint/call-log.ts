import { createWriteStream, renameSync } from 'node:fs';
import type { AwsRequest } from './aws-request.ts';

export type RecordedCall = {
  readonly at: string;
  readonly service: string;
  readonly region: string;
  readonly action: string;
  readonly parameters: Readonly<Record<string, string>>;
  readonly status: number;
  readonly errorCode?: string;
  readonly durationMs: number;
  /** Where the call came from: this machine, or a lab machine's address. */
  readonly from: string;
  readonly injected?: true;
};

/** Values of these never reach the log: user data, key material, secrets, policies. */
const SECRET = /(UserData|KeyMaterial|Password|Secret|SessionToken|\bToken|Document|Signature|Credential)/i;
const NOT_SECRET = /^(ClientToken|NextToken|clientToken|nextToken|DocumentName$|MetadataOptions\.)/;
const LONGEST = 200;
const MOST_PARAMETERS = 60;

/** The parameters of a call, fit to be kept. */
export function redact(parameters: AwsRequest['parameters']): Record<string, string> {
  const kept: Record<string, string> = {};
  for (const [name, value] of Object.entries(parameters).slice(0, MOST_PARAMETERS)) {
    if (name === 'Action' || name === 'Version') continue;
    if (SECRET.test(name) && !NOT_SECRET.test(name)) kept[name] = `(${value.length} characters)`;
    else kept[name] = value.length > LONGEST ? `${value.slice(0, LONGEST)}...` : value;
  }
  return kept;
}

export type CallLog = {
  record(call: RecordedCall): void;
  /** The newest calls, oldest first. */
  recent(): readonly RecordedCall[];
  close(): Promise<void>;
};

const KEPT = 2000;

/** Opens the NDJSON log of calls; the one of the run before is kept as `<file>.1`. */
export function openCallLog(file: string): CallLog {
  try {
    renameSync(file, `${file}.1`);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  const stream = createWriteStream(file, { flags: 'a', mode: 0o644 });
  let calls: RecordedCall[] = [];
  return {
    record: (call) => {
      stream.write(`${JSON.stringify(call)}\n`);
      calls.push(call);
      if (calls.length > 2 * KEPT) calls = calls.slice(-KEPT);
    },
    recent: () => calls.slice(-KEPT),
    close: () => new Promise((resolve) => stream.end(resolve)),
  };
}
