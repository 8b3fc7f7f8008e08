import { reasonOf } from '../reason.ts';
import { type Answer, jsonAnswer } from './aws-answer.ts';
import type { RawRequest } from './aws-request.ts';
import { type Capacity, parseShortage } from './capacity.ts';
import { type Copies, parseCopyOrder } from './copies.ts';
import { type GpuOrders, parseGpuOrder } from './gpu-orders.ts';
import { parseStaleness, type Staleness } from './staleness.ts';
import type { KeyMint } from './temporary-keys.ts';

/** How AWS behaves without anybody failing: keys end, answers are old, there is no room, copies are late, GPUs fail. */
export type Conditions = {
  readonly mint: KeyMint;
  readonly staleness: Staleness;
  readonly capacity: Capacity;
  readonly copies: Copies;
  readonly gpuOrders: GpuOrders;
};

/** Answers what is asked of them below /_lab/; null for another path. */
export async function answerConditions(
  { mint, staleness, capacity, copies, gpuOrders }: Conditions,
  request: RawRequest,
): Promise<Answer | null> {
  const posted = (): unknown => JSON.parse(request.body.toString('utf8'));
  try {
    switch (`${request.method} ${request.path}`) {
      case 'GET /_lab/credentials':
        return jsonAnswer(200, mint.hand(new Date()));
      case 'POST /_lab/credentials':
        mint.setLifetime(posted());
        return jsonAnswer(200, {});
      case 'GET /_lab/staleness':
        return jsonAnswer(200, staleness.settings);
      case 'POST /_lab/staleness':
        staleness.set(parseStaleness(posted()));
        return jsonAnswer(200, staleness.settings);
      case 'DELETE /_lab/staleness':
        staleness.set(null);
        return jsonAnswer(200, null);
      case 'GET /_lab/capacity':
        return jsonAnswer(200, capacity.list());
      case 'POST /_lab/capacity':
        capacity.add(parseShortage(posted()));
        return jsonAnswer(200, capacity.list());
      case 'DELETE /_lab/capacity':
        capacity.clear();
        return jsonAnswer(200, []);
      case 'GET /_lab/copies':
        return jsonAnswer(200, copies.list());
      case 'POST /_lab/copies':
        copies.add(parseCopyOrder(posted()));
        return jsonAnswer(200, copies.list());
      case 'DELETE /_lab/copies':
        copies.clear();
        return jsonAnswer(200, []);
      case 'GET /_lab/gpus':
        return jsonAnswer(200, gpuOrders.list());
      case 'POST /_lab/gpus':
        await gpuOrders.add(parseGpuOrder(posted()));
        return jsonAnswer(200, gpuOrders.list());
      case 'DELETE /_lab/gpus':
        await gpuOrders.clear();
        return jsonAnswer(200, []);
      default:
        return null;
    }
  } catch (error) {
    return jsonAnswer(400, { error: reasonOf(error) });
  }
}
