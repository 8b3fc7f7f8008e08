import { Listr, type ListrTaskWrapper, PRESET_TIMER } from 'listr2';
import { formatDuration } from '../duration.ts';
import type { Message, Reporter } from '../reporter.ts';
import { checkLine } from './plain.ts';

// biome-ignore lint/suspicious/noExplicitAny: listr2's own type parameters for "whatever renderer is chosen".
type Task = ListrTaskWrapper<unknown, any, any>;

type Stage = {
  readonly id: string;
  readonly task: Task;
  readonly finish: (failed: Error | null) => void;
  readonly done: Promise<void>;
};

/** How many of a stage's newest lines stay on the screen while it runs. */
const LINES_SHOWN = 8;

/**
 * listr2 on a terminal: one task for each top-level span with a running clock; what happens inside it scrolls below.
 * Spans arrive as events, so each stage is a task whose promise the matching span-end settles.
 */
export function terminalReporter(): Reporter {
  const parents = new Map<string, { title: string; depth: number; stage: string }>();
  let stage: Stage | null = null;
  const waiting: Message[] = [];

  const openStage = async (id: string, title: string): Promise<void> => {
    const settled = Promise.withResolvers<void>();
    const started = Promise.withResolvers<Task>();
    const list = new Listr(
      [
        {
          title,
          task: async (_context, task) => {
            started.resolve(task as Task);
            await settled.promise;
          },
          rendererOptions: { outputBar: LINES_SHOWN, persistentOutput: false },
        },
      ],
      {
        rendererOptions: { timer: PRESET_TIMER, collapseErrors: false, showErrorMessage: false },
        registerSignalListeners: false,
      },
    );
    const done = list.run().then(
      () => {},
      () => {},
    );
    const task = await started.promise;
    stage = {
      id,
      task,
      done,
      finish: (failed) => (failed ? settled.reject(failed) : settled.resolve()),
    };
  };

  const show = (text: string): void => {
    if (stage) stage.task.output = text;
    else process.stderr.write(`${text}\n`);
  };

  const handle = async (message: Message): Promise<void> => {
    switch (message.type) {
      case 'span-start': {
        const parent = message.parent === null ? undefined : parents.get(message.parent);
        if (!parent) {
          parents.set(message.id, { title: message.title, depth: 0, stage: message.id });
          if (!stage) await openStage(message.id, message.title);
          break;
        }
        parents.set(message.id, { title: message.title, depth: parent.depth + 1, stage: parent.stage });
        show(`${'  '.repeat(parent.depth)}… ${message.title}`);
        break;
      }
      case 'span-progress':
        show(`${'  '.repeat(parents.get(message.id)?.depth ?? 0)}  ${message.text}`);
        break;
      case 'span-end': {
        const span = parents.get(message.id);
        parents.delete(message.id);
        if (stage && stage.id === message.id) {
          const ended = stage;
          stage = null;
          if (message.note !== undefined) ended.task.title = `${span?.title ?? ''} - ${message.note}`;
          ended.finish(message.outcome === 'failed' ? new Error(message.note ?? 'failed') : null);
          await ended.done;
          break;
        }
        const mark = message.outcome === 'ok' ? '✔' : message.outcome === 'failed' ? '✖' : '↷';
        const note = message.note === undefined ? '' : ` - ${message.note}`;
        const indent = '  '.repeat(Math.max(0, (span?.depth ?? 1) - 1));
        show(`${indent}${mark} ${span?.title ?? ''} ${formatDuration(message.durationMs)}${note}`);
        break;
      }
      case 'check':
        show(`  ${checkLine(message.check)}`);
        break;
      case 'note':
      case 'warning':
        show(
          `${message.type === 'warning' ? 'warning: ' : ''}${message.text}${message.hint ? ` (${message.hint})` : ''}`,
        );
        break;
    }
  };

  // Opening and ending a stage wait for listr2, so messages are handled strictly one after the other.
  let queue = Promise.resolve();
  const emit = (message: Message): void => {
    waiting.push(message);
    queue = queue.then(async () => {
      const next = waiting.shift();
      if (next) await handle(next);
    });
  };
  return {
    emit,
    close: async () => {
      await queue;
      if (stage) {
        stage.finish(new Error('stopped'));
        await stage.done;
        stage = null;
      }
    },
  };
}
