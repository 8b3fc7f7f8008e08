import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterEach, describe, expect, test } from 'vitest';
import { askForBaseImage, type Building } from '../../src/lab-client/base-image.ts';
import { sourcesOf } from '../../src/lab-client/sources.ts';

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});

async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function answering(...lines: readonly object[]): Promise<string> {
  return serve((_, response) => {
    response.writeHead(200, { 'content-type': 'application/x-ndjson' });
    for (const line of lines) response.write(`${JSON.stringify(line)}\n`);
    response.end();
  });
}

const QUERY = { ownerId: '099720109477', name: 'ubuntu/images/*', sources: 'auto' } as const;
const OFFERED = { imageName: 'ubuntu-1', mode: 'stand-in', substitution: null } as const;

function asking() {
  const said: string[] = [];
  const building: Building = (work) => work((line) => said.push(line));
  return { said, options: { signal: new AbortController().signal, building } };
}

describe('a lab that is asked for a base image', () => {
  test('says at once what it has, and nothing is shown', async () => {
    const { said, options } = asking();
    expect(await askForBaseImage(await answering({ type: 'result', ...OFFERED }), QUERY, options)).toEqual(OFFERED);
    expect(said).toEqual([]);
  });

  test('is told what is wanted', async () => {
    let asked = '';
    const url = await serve((request, response) => {
      void text(request).then((body) => {
        asked = `${request.method} ${request.url} ${body}`;
        response.writeHead(404);
        response.end();
      });
    });
    expect(await askForBaseImage(url, QUERY, asking().options)).toBeNull();
    expect(asked).toBe(`POST /_lab/base-images ${JSON.stringify(QUERY)}`);
  });

  test('shows how it is made', async () => {
    const { said, options } = asking();
    const url = await answering(
      { type: 'progress', line: 'installing' },
      { type: 'progress', line: 'making the disk' },
      { type: 'result', ...OFFERED },
    );
    expect(await askForBaseImage(url, QUERY, options)).toEqual(OFFERED);
    expect(said).toEqual(['installing', 'making the disk']);
  });

  test.each([
    [true, 'LAB_SOURCES', 'user'],
    [false, 'LAB_BASE_IMAGE', 'outside'],
  ] as const)('says why it cannot (for the user to mend: %s)', async (isUsers, code, kind) => {
    const problem = { type: 'problem', problem: 'no such host', isUsers };
    const expected = { code, kind, message: expect.stringContaining('no such host') as string };
    const atOnce = await answering(problem);
    await expect(askForBaseImage(atOnce, QUERY, asking().options)).rejects.toMatchObject(expected);
    const later = await answering({ type: 'progress', line: 'fetching' }, problem);
    await expect(askForBaseImage(later, QUERY, asking().options)).rejects.toMatchObject(expected);
  });

  test('and ends in the middle has failed', async () => {
    const url = await answering({ type: 'progress', line: 'installing' });
    await expect(askForBaseImage(url, QUERY, asking().options)).rejects.toMatchObject({ code: 'LAB_BASE_IMAGE' });
  });
});

describe('an endpoint that is no lab', () => {
  test('is not asked again, whatever it says', async () => {
    const other = await serve((_, response) => {
      response.writeHead(200, { 'content-type': 'text/xml' });
      response.end('<Response/>');
    });
    expect(await askForBaseImage(other, QUERY, asking().options)).toBeNull();
    expect(await askForBaseImage('http://127.0.0.1:1', QUERY, asking().options)).toBeNull();
  });

  test('ends with the run', async () => {
    const aborted = AbortSignal.abort(new Error('interrupted'));
    const { options } = asking();
    const ask = askForBaseImage('http://127.0.0.1:1', QUERY, { ...options, signal: aborted });
    await expect(ask).rejects.toThrow('interrupted');
  });
});

describe('the sources', () => {
  test('are as they were asked for, else as the environment says, else found', () => {
    expect(sourcesOf('official', { ECS_HOST_SOURCES: 'stand-in' })).toBe('official');
    expect(sourcesOf(undefined, { ECS_HOST_SOURCES: 'stand-in' })).toBe('stand-in');
    expect(sourcesOf(undefined, { ECS_HOST_SOURCES: '' })).toBe('auto');
    expect(() => sourcesOf(undefined, { ECS_HOST_SOURCES: 'real' })).toThrow('ECS_HOST_SOURCES is "real"');
  });
});
