import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, test, vi } from 'vitest';
import { LabWatch } from '../../src/lab-client/lab-watch.ts';

let server: Server | null = null;
afterEach(() => stop());

async function stop(): Promise<void> {
  server?.closeAllConnections();
  if (server?.listening === true) await new Promise((resolve) => server?.close(resolve));
  server = null;
}

async function labThat(answers: RequestListener): Promise<string> {
  server = createServer(answers);
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

test('a lab that is killed is told within seconds, with what to do', async () => {
  const gone = vi.fn();
  await using _ = await LabWatch.start(await labThat((_, response) => response.end('{}')), gone);
  await stop();
  await vi.waitFor(() => expect(gone).toHaveBeenCalledOnce(), { timeout: 5000 });
  expect(gone.mock.calls[0]?.[0]).toMatchObject({
    kind: 'outside',
    code: 'LAB_GONE',
    hint: expect.stringContaining('`ecs-host lab down`'),
  });
});

test('after an error it can be asked at once', async () => {
  const url = await labThat((_, response) => response.end('{}'));
  await using watch = await LabWatch.start(url, () => undefined);
  expect(await watch.verdict()).toBeNull();
  await stop();
  expect(await watch.verdict()).toMatchObject({ code: 'LAB_GONE' });
});

test('a lab that is busy or fails is there; what is no lab is not watched', async () => {
  const gone = vi.fn();
  let answers = 0;
  const url = await labThat((_, response) => {
    answers += 1;
    response.writeHead(answers === 1 ? 200 : 500).end();
  });
  {
    await using watch = await LabWatch.start(url, gone);
    await vi.waitFor(() => expect(answers).toBeGreaterThan(2), { timeout: 5000 });
    expect(await watch.verdict()).toBeNull();
  }
  await using other = await LabWatch.start(url, gone);
  await stop();
  expect(await other.verdict()).toBeNull();
  expect(gone).not.toHaveBeenCalled();
});
