/** Checks that did not hold, told apart without the product's word for it. */
export function failedChecks<T extends { readonly verdict: string }>(checks: readonly T[]): T[] {
  return checks.filter(({ verdict }) => verdict === 'incorrect' || verdict === 'missing');
}
