import { printable } from '#contracts/printable.ts';

/**
 * One line an event on stderr, with the journal's own priority prefix. What repeats is said once until it changes: a webserver that is away
 * for a night must not fill the disk. Whatever others wrote into it, it is one printable line.
 */
export type Level = 'info' | 'warning' | 'error';
export type Log = {
  say(level: Level, text: string): void;
  /** Says it only if the last text said under this topic was another. Topics are this program's own words, and few. */
  once(topic: string, level: Level, text: string): void;
};

const PRIORITIES: Readonly<Record<Level, number>> = { info: 6, warning: 4, error: 3 };

export const createLog = (write: (line: string) => void): Log => {
  const last = new Map<string, string>();
  const say = (level: Level, text: string): void => write(`<${PRIORITIES[level]}>${printable(text)}\n`);
  return {
    say,
    once: (topic, level, text) => {
      if (last.get(topic) === text) return;
      last.set(topic, text);
      say(level, text);
    },
  };
};
