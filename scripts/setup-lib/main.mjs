// The entry of scripts/setup. Runs on the machine's own Node, maybe an old one: nothing here may need more than Node 14
// to be read.
import { readFileSync } from 'node:fs';

const needed = JSON.parse(readFileSync(new URL('../prerequisites.json', import.meta.url), 'utf8'));
if (Number(process.versions.node.split('.')[0]) < Number(needed.node.min.split('.')[0])) {
  console.error(`set-up: Node.js is ${process.versions.node}; needed is ${needed.node.min} or newer`);
  console.error(`  hint: ${needed.node.fix}`);
  process.exit(2);
}

async function run() {
  const { renderError } = await import('./errors.mjs');
  const { createProgress } = await import('./progress.mjs');
  const { stopChildren } = await import('./run.mjs');
  const { isOnAws } = await import('./platform.mjs');
  const { setUp } = await import('./steps.mjs');

  const abort = new AbortController();
  const plain = process.argv.includes('--plain') || (process.env.CI !== undefined && process.env.CI !== '');
  const progress = createProgress(process.stderr, { plain });
  /** @type {NodeJS.Signals[]} */
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'];
  for (const signal of signals) {
    process.on(signal, () => {
      abort.abort();
      stopChildren(signal === 'SIGINT' ? 'SIGINT' : 'SIGTERM');
    });
  }
  try {
    const interactive = Boolean(process.stdin.isTTY) && !plain;
    const forLint = process.argv.includes('--lint');
    await setUp({ progress, interactive, signal: abort.signal, forLab: !isOnAws(process.argv), forLint });
  } catch (error) {
    if (abort.signal.aborted) {
      progress.line('set-up: interrupted; start again to go on where it stopped');
      process.exitCode = 130;
      return;
    }
    const { text, exitCode } = renderError(error);
    progress.line(text);
    process.exitCode = exitCode;
  }
}

// Not awaited: the oldest Node that has to read this cannot, at the top level. What is not caught above is a bug and
// ends Node.
void run();
