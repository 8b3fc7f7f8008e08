import type { Variant } from '#contracts/provisioners.ts';
import { type SetupPart, type SetupScript, setupHelp } from '#contracts/setup-script.ts';
import type { TargetConfig } from '#contracts/target-config.ts';

/** Releases by code name, as a file's name has them. */
const RELEASES: Readonly<Record<string, string>> = { focal: '20', jammy: '22', noble: '24', bookworm: '12' };

/** Pure: `setup_ubuntu20_host` makes a development host, `setup_ubuntu20_ami_host` a real one. */
export function scriptName({ distribution, codename }: TargetConfig['os'], variant: Variant): string {
  return `setup_${distribution}${RELEASES[codename] ?? `_${codename}`}_${variant === 'host' ? 'ami_' : ''}host`;
}

export function scriptOf({ os, variant, provisioners }: TargetConfig): SetupScript {
  const system = `${os.distribution.charAt(0).toUpperCase()}${os.distribution.slice(1)} ${os.codename}`;
  const parts = provisioners.filter((name) => name !== 'verify') as readonly SetupPart[];
  return { name: scriptName(os, variant), system, variant, parts };
}

export type Payload = {
  readonly bytes: number;
  readonly sha256: string;
  readonly unpackedKiB: number;
  readonly node: { readonly version: string; readonly sha256: string };
};

/** Pure: the sh text in front of a payload. @param template header.sh */
export function renderHeader(template: string, script: SetupScript, payload: Payload): string {
  const values: Readonly<Record<string, string>> = {
    NAME: script.name,
    HELP: setupHelp(script).trimEnd(),
    NODE_VERSION: payload.node.version,
    NODE_SHA256: payload.node.sha256,
    PAYLOAD_BYTES: String(payload.bytes),
    PAYLOAD_SHA256: payload.sha256,
    UNPACKED_KIB: String(payload.unpackedKiB),
  };
  return template.replace(/@([A-Z0-9_]+)@/g, (whole, name: string) => values[name] ?? whole);
}
