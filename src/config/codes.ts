import { TEXT_CODES } from './mistake.ts';
import { REGION_RULES } from './region-rules.ts';
import { RELEASE_RULES } from './release-rules.ts';
import { PROFILE_RULES } from './rules.ts';

export type ConfigCode = {
  readonly code: string;
  readonly severity: 'error' | 'warning';
  /** What holds where nothing is wrong. */
  readonly title: string;
};

/**
 * Every code that a detail of CONFIG_INVALID, CONFIG_UNREADABLE or CONFIG_WARNING carries, from where the rules
 * stand.
 */
export const CONFIG_CODES: { readonly text: readonly ConfigCode[]; readonly rules: readonly ConfigCode[] } = {
  text: Object.entries(TEXT_CODES).map(([code, title]) => ({ code, severity: 'error', title })),
  rules: [
    ...PROFILE_RULES.map(({ code, severity, title }) => ({ code, severity, title })),
    ...[...REGION_RULES, ...RELEASE_RULES].map(({ code, title }) => ({ code, severity: 'error' as const, title })),
  ],
};
