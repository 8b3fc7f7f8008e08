import type { Reporter } from '../reporter.ts';

/** One JSON object a line on the given stream, each with the time at which it happened. */
export function ndjsonReporter(out: NodeJS.WritableStream): Reporter {
  return {
    emit: (message) => {
      out.write(`${JSON.stringify({ time: new Date().toISOString(), ...message })}\n`);
    },
    close: async () => {},
  };
}
