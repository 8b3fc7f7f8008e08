import { X509Certificate } from 'node:crypto';
import { Ajv2020 } from 'ajv/dist/2020.js';
import schema from './host-config.schema.json' with { type: 'json' };
import type { HostConfig } from './host-config.ts';

const ajv = new Ajv2020({ strict: true, allowUnionTypes: true, allErrors: true, verbose: true, useDefaults: true });

/** One certificate or several, each of which can be read, and no key. Text around them is ignored, as everywhere. */
function areCertificates(text: string): boolean {
  const blocks = text.match(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g) ?? [];
  if (blocks.length === 0 || blocks.length !== text.split('-----BEGIN ').length - 1) return false;
  try {
    for (const block of blocks) new X509Certificate(block);
    return true;
  } catch {
    return false;
  }
}
ajv.addFormat('pem-certificates', areCertificates);
const validate = ajv.compile<HostConfig>(schema);

/** One mistake; `key` is empty for the document as a whole. */
export type HostConfigProblem = { readonly key: string; readonly reason: string };

const LABEL = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;

/** The parser of URLs takes hosts that no name server has ever heard of, such as `w"` and `${x}`. */
function isWebserverUrl(text: string): boolean {
  const url = URL.parse(text);
  if (url === null || url.port === '0') return false;
  if (url.hostname.startsWith('[')) return true;
  return (
    url.hostname.length <= 253 &&
    url.hostname
      .replace(/\.$/, '')
      .split('.')
      .every((label) => LABEL.test(label))
  );
}

function problemsOf(value: unknown): readonly HostConfigProblem[] {
  if (validate(value)) {
    return isWebserverUrl(value.webserverUrl)
      ? []
      : [{ key: 'webserverUrl', reason: `is not ${schema.properties.webserverUrl.description}` }];
  }
  const problems = (validate.errors ?? []).map(({ keyword, instancePath, params, parentSchema }) => {
    if (keyword === 'required') return { key: String(params['missingProperty']), reason: 'is missing' };
    if (keyword === 'additionalProperties')
      return { key: String(params['additionalProperty']).slice(0, 40), reason: 'is no key of this file' };
    const key = instancePath.slice(1);
    return { key, reason: key === '' ? 'is not a JSON object' : `is not ${String(parentSchema?.['description'])}` };
  });
  // A value that breaks two rules is one mistake.
  return problems.filter(({ key }, index) => problems.findIndex((other) => other.key === key) === index);
}

/**
 * The value as a host's configuration, complete with defaults; or all that is wrong with it. The value itself is left
 * as it is.
 */
export function asHostConfig(
  value: unknown,
): { readonly config: Required<HostConfig> } | { readonly problems: readonly HostConfigProblem[] } {
  const copy = structuredClone(value);
  const problems = problemsOf(copy);
  if (problems.length > 0) return { problems };
  const config = copy as Required<HostConfig>;
  return { config: { ...config, webserverUrl: new URL(config.webserverUrl).origin } };
}
