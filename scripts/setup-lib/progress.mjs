import { performance } from 'node:perf_hooks';

/**
 * The story of a set-up, on stderr: one line when a step starts to work, one when it ends with its duration. On a
 * terminal the last line moves (elapsed time and what it is at); elsewhere a heartbeat says every 15 s that it lives.
 * Of steps that run side by side the terminal shows the one that has run longest.
 */
const HEARTBEAT_MS = 15_000;
const FRAME_MS = 200;

/**
 * @param {number} ms
 */
export function formatSeconds(ms) {
  return ms < 9_950 ? `${(ms / 1000).toFixed(ms < 995 ? 2 : 1)} s` : `${Math.round(ms / 1000)} s`;
}

/**
 * @typedef {object} Step
 * @property {(detail: string) => void} at what the step is doing now
 * @property {(note: string) => void} say a line that stays
 * @property {() => void} pause stops drawing, while a child owns the terminal (a password prompt)
 * @property {(outcome: 'done' | 'failed', note?: string) => void} end
 */

/**
 * @param {{ write: (text: string) => unknown, isTTY?: boolean, columns?: number }} out
 * @param {{ plain: boolean }} options
 */
export function createProgress(out, options) {
  const live = Boolean(out.isTTY) && !options.plain;
  const clear = () => {
    if (live) out.write('\r\u001b[K');
  };

  /** @type {symbol[]} */
  const running = [];

  /**
   * @param {string} title
   * @param {string} why
   * @returns {Step}
   */
  const start = (title, why) => {
    const began = performance.now();
    let detail = '';
    let paused = false;
    const self = Symbol(title);
    running.push(self);
    const elapsed = () => formatSeconds(performance.now() - began);
    const draw = () => {
      if (paused || (live && running[0] !== self)) return;
      const text = `set-up  ..  ${title}: ${detail || why} (${elapsed()})`;
      if (live) out.write(`\r\u001b[K${text.slice(0, (out.columns ?? 80) - 1)}`);
      else out.write(`${text}\n`);
    };
    if (!live) out.write(`set-up  ..  ${title}: ${why}\n`);
    const timer = setInterval(draw, live ? FRAME_MS : HEARTBEAT_MS);
    timer.unref();
    return {
      at: (text) => {
        detail = text;
      },
      say: (note) => {
        clear();
        out.write(`set-up      ${note}\n`);
      },
      pause: () => {
        paused = true;
        clear();
      },
      end: (outcome, note) => {
        clearInterval(timer);
        running.splice(running.indexOf(self), 1);
        clear();
        const mark = outcome === 'done' ? 'ok' : 'FAIL';
        out.write(`set-up  ${mark}  ${title}${note === undefined ? '' : `: ${note}`} (${elapsed()})\n`);
      },
    };
  };

  return {
    start,
    /** @param {string} text */
    line: (text) => {
      clear();
      out.write(`${text}\n`);
    },
  };
}
