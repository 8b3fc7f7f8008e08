import { rules } from '@secretlint/secretlint-rule-preset-recommend';
import type { Rule } from './rule.ts';

/** What is used of a rule of secretlint. Its package has types in a package of its own, which nobody else needs. */
type PackageRule = {
  readonly meta: { readonly id: string };
  create(context: PackageContext, options: object): { file(source: PackageSource): unknown };
};

type PackageContext = {
  /** Messages hold the secret itself. They are never made. */
  createTranslator(messages: unknown): () => object;
  report(found: { readonly range: readonly [number, number] }): void;
};

type PackageSource = { readonly content: string; readonly filePath: string | undefined; readonly contentType: 'text' };

const PREFIX = '@secretlint/secretlint-rule-';

/**
 * Not used. `filter-comments` lets a file say that nobody shall look at it. `gcp` opens a file of the scanned one's
 * path, which here is one of another machine; our own rule is in its place.
 */
export const UNUSED_RULES: readonly string[] = ['filter-comments', 'gcp'];

const SECRET_ACCESS = ['SECRET', 'secret', 'Secret'].flatMap((secret) =>
  ['ACCESS', 'access', 'Access'].flatMap((access) => [`${secret}_${access}`, `${secret}${access}`]),
);

/**
 * What a text must have for a rule of the package to find anything in it, taken from the rules' own patterns: gigabytes
 * are searched for these, and only what is around them is shown to the rules. A rule without a line here is an error.
 */
const LITERALS: Readonly<Record<string, readonly string[]>> = {
  '1password': ['ops_ey'],
  anthropic: ['sk-ant-api0'],
  aws: SECRET_ACCESS,
  basicauth: ['http://', 'https://', 'ftp://', 'ftps://'],
  cloudflare: ['cfk_', 'cfut_', 'cfat_'],
  'database-connection-string': [
    ...['mongodb://', 'mongodb+srv://', 'mysql://', 'mysqlx://', 'postgres://', 'postgresql://'],
  ],
  databricks: ['dapi'],
  docker: ['dckr_pat_'],
  figma: ['figd_'],
  github: ['ghp_', 'gho_', 'ghu_', 'ghs_', 'ghr_', 'github_pat_'],
  gitlab: ['glpat-'],
  grafana: ['glc_', 'glsa_'],
  groq: ['gsk_'],
  'hashicorp-vault': ['hvs.', 'hvb.', 'hvr.'],
  huggingface: ['hf_'],
  linear: ['lin_api_'],
  notion: ['ntn_'],
  npm: ['npm_', 'x-oauth-basic', '_authToken'],
  openai: ['T3BlbkFJ'],
  privatekey: ['-----BEGIN'],
  sendgrid: ['SG.'],
  shopify: ['shppa_', 'shpca_', 'shpat_', 'shpss_'],
  slack: ['xoxb-', 'xoxp-', 'xapp-', 'xoxa-', 'xoxo-', 'xoxr-', 'hooks.slack.com'],
  stripe: ['sk_live_', 'sk_test_', 'rk_live_', 'rk_test_'],
  tailscale: ['tskey-'],
  vercel: ['vcp_', 'vci_', 'vca_', 'vcr_', 'vck_'],
};

/** Longer than the longest of its kind: a key with its lines, a token of GitHub's. */
const LONG_REACH = 13 * 1024;
const SHORT_REACH = 2 * 1024;
const LONG = new Set(['privatekey', 'github']);

function find(rule: PackageRule, content: string, path: string | null): number[] {
  const found: number[] = [];
  const context: PackageContext = {
    createTranslator: () => () => ({ message: '', messageId: '', data: {} }),
    report: ({ range }) => found.push(range[0]),
  };
  const done = rule.create(context, {}).file({ content, filePath: path ?? undefined, contentType: 'text' });
  if (done instanceof Promise) throw new Error(`the rule ${rule.meta.id} wants to be waited for`);
  return found;
}

/** @throws Error when the package has a rule that nobody has looked at yet */
export function packageRules(): readonly Rule[] {
  const used = (rules as unknown as readonly PackageRule[]).map((rule) => ({
    rule,
    name: rule.meta.id.replace(PREFIX, ''),
  }));
  return used
    .filter(({ name }) => !UNUSED_RULES.includes(name))
    .map(({ rule, name }) => {
      const literals = LITERALS[name];
      if (literals === undefined) throw new Error(`${rule.meta.id} has no literals in package-rules.ts`);
      return {
        ...{ id: rule.meta.id, literals, inFilesOnly: false, reach: LONG.has(name) ? LONG_REACH : SHORT_REACH },
        find: (text, path) => find(rule, text, path),
      };
    });
}
