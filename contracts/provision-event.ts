import type { Check } from './check.ts';

/**
 * What a provisioner prints on stdout, one JSON object a line, each line prefixed with `PROVISION_EVENT_PREFIX` so that
 * it can be told from the output of the tools that it runs. Times are milliseconds.
 */
const PROVISION_EVENT_PREFIX = '::ecs-host:: ';

export type ProvisionEvent =
  | { readonly type: 'provisioner-start'; readonly provisioner: string }
  | { readonly type: 'step-start'; readonly provisioner: string; readonly step: string }
  | {
      readonly type: 'step-end';
      readonly provisioner: string;
      readonly step: string;
      readonly durationMs: number;
      /** By the machine's own clock, in milliseconds since 1970. */
      readonly endedAt: number;
      readonly outcome: 'changed' | 'unchanged' | 'failed';
      /** One line; present when failed. */
      readonly error?: string;
    }
  | { readonly type: 'check'; readonly provisioner: string; readonly check: Check }
  | {
      readonly type: 'versions';
      /** Component name to installed version, for example { "docker": "20.10.24+dfsg1-1" }. */
      readonly versions: Readonly<Record<string, string>>;
    }
  | {
      readonly type: 'packages';
      /**
       * Of installed packages, what their own lists (checksums, scripts, names of files) come to, right after apt
       * brought them: by package, as `packageListsDigest` makes it. Several of these make the whole.
       */
      readonly packages: Readonly<Record<string, string>>;
    }
  | {
      readonly type: 'provisioner-end';
      readonly provisioner: string;
      readonly durationMs: number;
      readonly outcome: 'ok' | 'failed';
    };

/** The line of an event, as a provisioner prints it. */
export function provisionEventLine(event: ProvisionEvent): string {
  return `${PROVISION_EVENT_PREFIX}${JSON.stringify(event)}`;
}

/** The event in a line that a provisioner printed, or null for ordinary output. */
export function provisionEventOf(line: string): ProvisionEvent | null {
  const at = line.indexOf(PROVISION_EVENT_PREFIX);
  if (at === -1) return null;
  try {
    return JSON.parse(line.slice(at + PROVISION_EVENT_PREFIX.length)) as ProvisionEvent;
  } catch {
    return null;
  }
}
