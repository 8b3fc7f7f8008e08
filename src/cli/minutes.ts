import { formatMinutes, parseMinutes } from '../io/duration.ts';
import { userError } from '../io/errors.ts';
import { type Argv, textOf } from './arguments.ts';

/** The value of an option that takes a duration. @throws EcsHostError `DURATION` (user) */
export function minutesOf(
  argv: Argv,
  name: string,
  bounds: { readonly fallback: number; readonly least: number; readonly most: number },
): number {
  const text = textOf(argv, name);
  if (text === null) return bounds.fallback;
  const minutes = text === '0' ? 0 : parseMinutes(text);
  if (minutes === null)
    throw userError('DURATION', `--${name} is "${text}", which is no duration.`, 'write 45m, 8h, 2d or 1h30m');
  if (minutes >= bounds.least && minutes <= bounds.most) return minutes;
  throw userError(
    'DURATION',
    `--${name} is ${text}, which is too ${minutes < bounds.least ? 'short' : 'long'}.`,
    `from ${formatMinutes(bounds.least)} to ${formatMinutes(bounds.most)}`,
  );
}
