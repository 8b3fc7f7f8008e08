import { printable } from '#contracts/printable.ts';

/**
 * One line an event on stderr, with the journal's own priority prefix. What repeats is said once until it changes: a
 * webserver that is away for a night must not fill the disk. What others have written (a reason, a name, an error) may
 * be in a line, so each is made printable: nobody begins a line of their own in the journal, and no terminal obeys one.
 */
export type Level = 'info' | 'warning' | 'error';
export type Log = {
  say(level: Level, text: string): void;
  /** Says it only if the last text said under this topic was another. */
  once(topic: string, level: Level, text: string): void;
};

const PRIORITIES: Readonly<Record<Level, number>> = { info: 6, warning: 4, error: 3 };
const LONGEST_LINE = 2000;
/** The service has about twenty; a topic that is made of a name must not become a leak. */
const MOST_TOPICS = 200;

export function createLog(write: (line: string) => void): Log {
  /** In the order in which they were last said something new under. */
  const last = new Map<string, string>();
  const say = (level: Level, text: string): void => write(`<${PRIORITIES[level]}>${printable(text, LONGEST_LINE)}\n`);
  return {
    say,
    once: (topic, level, text) => {
      const line = printable(text, LONGEST_LINE);
      if (last.get(topic) === line) return;
      last.delete(topic);
      last.set(topic, line);
      const [oldest] = last.keys();
      if (last.size > MOST_TOPICS && oldest !== undefined) last.delete(oldest);
      say(level, line);
    },
  };
}
