import { once } from 'node:events';
import { mkdir } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { assertPortIsFree, forwardPorts, parseForwards } from '../../src/dev-host/forward.ts';
import type { Message } from '../../src/io/reporter.ts';
import { noSshd, startLocalSshd } from '../support/local-sshd.ts';
import { devHost } from '../support/sshd-dev-host.ts';
import { tempFolder } from '../support/temp-folder.ts';

describe('what is to be forwarded', () => {
  test('is a port, or one here and one there', () => {
    expect(parseForwards(['8080', '9000:80'])).toEqual([
      { here: 8080, there: 8080 },
      { here: 9000, there: 80 },
    ]);
  });

  test.each(['0', '65536', 'x', '80:', ':80', '1:2:3', '-1', '80:x', ''])('is not %j', (word) => {
    expect(() => parseForwards([word])).toThrow(expect.objectContaining({ code: 'PORT_FORM' }));
  });

  test('needs a port of its own each', () => {
    expect(() => parseForwards(['8080', '8080:81'])).toThrow(expect.objectContaining({ code: 'PORT_TAKEN' }));
  });
});

async function serve(): Promise<{ readonly server: Server; readonly port: number }> {
  const server = createServer((_, response) => response.end('from there'));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { server, port: (server.address() as AddressInfo).port };
}

test('a port that is taken is said with another one to take', async () => {
  const { port } = await serve();
  await expect(assertPortIsFree({ here: port, there: 80 })).rejects.toMatchObject({
    code: 'PORT_TAKEN',
    hint: expect.stringMatching(/:80$/),
  });
});

async function freePort(): Promise<number> {
  const { server, port } = await serve();
  server.close();
  await once(server, 'close');
  return port;
}

test('a forwarded port works, also again after the connection broke, until it is stopped', async (context) => {
  const why = noSshd();
  if (why !== null) context.skip(why);
  const state = tempFolder();
  process.env['ECS_HOST_STATE'] = state;
  onTestFinished(() => {
    delete process.env['ECS_HOST_STATE'];
  });
  await mkdir(join(state, 'dev-hosts'), { mode: 0o700 });
  const sshd = await startLocalSshd(join(state, 'dev-hosts'));
  onTestFinished(() => sshd.kill());
  const { port: there } = await serve();
  const here = await freePort();
  const stop = new AbortController();
  const said: string[] = [];
  let ready = 0;
  const kept = {
    host: devHost(sshd),
    lookAgain: async () => devHost(sshd),
    reporter: {
      emit: (message: Message) => {
        if (message.type === 'note') said.push(message.text);
      },
      close: async () => {},
    },
    signal: stop.signal,
  };
  const done = forwardPorts(kept, [{ here, there }], () => {
    ready += 1;
  });
  const ask = async (): Promise<string> => (await fetch(`http://127.0.0.1:${here}`)).text();
  await expect.poll(() => ready).toBe(1);
  expect(await ask()).toBe('from there');
  await sshd.kill();
  await expect.poll(() => said).toContain('The connection to dev broke; connecting again.');
  await sshd.restart();
  await expect.poll(() => ready).toBe(2);
  expect(await ask()).toBe('from there');
  expect(said.at(-1)).toBe('Connected to dev again.');
  stop.abort();
  await done;
  await assertPortIsFree({ here, there });
});
