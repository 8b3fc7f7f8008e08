import { EcsHostError, type ErrorDetail, userError } from './errors.ts';

/** Pure: an error as details of another one, with its code: what it names itself, or itself. */
export function detailsOf({ code, message, hint, details }: EcsHostError): readonly ErrorDetail[] {
  if (details.length > 0) return details.map((detail) => ({ code, ...detail }));
  return [{ code, reason: message, ...(hint === undefined ? {} : { hint }) }];
}

/** The same refusal of several calls is one mistake. */
function distinct(errors: readonly EcsHostError[]): EcsHostError[] {
  return [...new Map(errors.map((error) => [`${error.code} ${error.message}`, error])).values()];
}

/** Pure: one mistake as it is; several as one error that has each among its details. */
export function asOne(mistakes: readonly [EcsHostError, ...EcsHostError[]], hint: string): EcsHostError {
  const [first, ...others] = distinct(mistakes);
  if (first === undefined || others.length === 0) return mistakes[0];
  const details = [first, ...others].flatMap(detailsOf);
  return userError('SEVERAL_MISSING', `${details.length} things are missing.`, hint, details);
}

function isMistake(error: unknown): error is EcsHostError {
  return error instanceof EcsHostError && error.kind === 'user';
}

/**
 * Waits for all of them, so that whoever has to mend something hears of everything at once.
 *
 * @param hint what to do with the list
 * @throws what is nobody's mistake before any mistake; then the mistakes (`asOne`)
 */
export async function allOrMistakes<T extends readonly unknown[]>(
  work: { readonly [K in keyof T]: Promise<T[K]> },
  hint: string,
): Promise<T> {
  const settled = await Promise.allSettled(work);
  const reasons = settled.flatMap((each): unknown[] => (each.status === 'rejected' ? [each.reason] : []));
  const [first, ...others] = reasons.filter(isMistake);
  const other = reasons.find((reason) => !isMistake(reason));
  if (other !== undefined) throw other;
  if (first !== undefined) throw asOne([first, ...others], hint);
  return settled.map((each) => (each.status === 'fulfilled' ? each.value : undefined)) as unknown as T;
}
