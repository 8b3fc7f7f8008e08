import { readFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { type WebSocket, WebSocketServer } from 'ws';
import { type LiveStatus, type LiveStream, Patience } from './live.ts';
import { Mjpeg } from './mjpeg.ts';
import { isToken, newToken, OneTimeCodes, refusalOf } from './page-guard.ts';

const FOLDER = join(import.meta.dirname, 'page');
const FILES: Readonly<Record<string, { readonly file: string; readonly type: string }>> = {
  '': { file: 'index.html', type: 'text/html; charset=utf-8' },
  'page.css': { file: 'page.css', type: 'text/css; charset=utf-8' },
  'page.js': { file: 'page.js', type: 'text/javascript; charset=utf-8' },
};
/** Bytes that may wait for a page before it misses pictures. */
const MOST_WAITING = 1024 * 1024;

const HEADERS = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'cross-origin-resource-policy': 'same-origin',
  'cross-origin-opener-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'cache-control': 'no-store',
};

export type StreamPage = AsyncDisposable & {
  /** Whoever has it sees the stream. */
  readonly address: string;
  /** An address that works once, for a program's command line. */
  openingAddress(): string;
};

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}

function statusText({ state, reason, codec, picture, framesPerSecond }: LiveStatus): string {
  const { width = 0, height = 0 } = picture ?? {};
  return JSON.stringify({ state, reason, codec, width, height, framesPerSecond });
}

class PageServer implements StreamPage {
  readonly #stream: LiveStream;
  readonly #title: string;
  readonly #token = newToken();
  readonly #codes = new OneTimeCodes();
  readonly #ended = new AbortController();
  readonly #mjpeg: Mjpeg;
  readonly #server: Server;
  readonly #sockets = new WebSocketServer({ noServer: true, maxPayload: 64, perMessageDeflate: false });

  constructor(stream: LiveStream, title: string) {
    this.#stream = stream;
    this.#title = title;
    this.#mjpeg = new Mjpeg(stream, this.#ended.signal);
    this.#server = createServer((request, response) => {
      this.#answer(request, response).catch(() => response.destroy());
    });
    this.#server.on('upgrade', (request, socket, head) => this.#upgrade(request, socket, head));
  }

  async listen(): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(0, '127.0.0.1', resolve);
    });
  }

  get #origin(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  get address(): string {
    return `${this.#origin}/${this.#token}/`;
  }

  openingAddress(): string {
    return `${this.#origin}/open/${this.#codes.issue()}`;
  }

  /** What is asked for behind the token, or null without it. */
  #within(request: IncomingMessage): string | null {
    const [, token = '', ...rest] = (request.url ?? '').replace(/\?.*$/, '').split('/');
    return isToken(token, this.#token) && rest.length > 0 ? rest.join('/') : null;
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    for (const [name, value] of Object.entries(HEADERS)) response.setHeader(name, value);
    const refusal = refusalOf(request.headers);
    if (refusal !== null) {
      response.writeHead(403).end(`${refusal}\n`);
      return;
    }
    if (request.method !== 'GET') {
      response.writeHead(405, { allow: 'GET' }).end();
      return;
    }
    const code = /^\/open\/([\w-]+)$/.exec(request.url ?? '')?.[1];
    if (code !== undefined && (await this.#codes.redeem(code, request.socket))) {
      response.writeHead(303, { location: `/${this.#token}/` }).end();
      return;
    }
    const path = this.#within(request);
    const found = path === null ? undefined : FILES[path];
    if (path === 'mjpeg') await this.#mjpeg.serve(response);
    else if (found) await this.#sendFile(response, found);
    else response.writeHead(404).end('ecs-host printed the address of this page; it is another one each time.\n');
  }

  async #sendFile(response: ServerResponse, { file, type }: { file: string; type: string }): Promise<void> {
    const text = await readFile(join(FOLDER, file), 'utf8');
    response.writeHead(200, { 'content-type': type }).end(text.replaceAll('{{title}}', escapeHtml(this.#title)));
  }

  #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    if (refusalOf(request.headers) === null && this.#within(request) === 'live')
      this.#sockets.handleUpgrade(request, socket, head, (page) => this.#feed(page));
    else socket.end('HTTP/1.1 403 Forbidden\r\nconnection: close\r\n\r\n');
  }

  /** The status always, pictures while the page asks for them. */
  #feed(page: WebSocket): void {
    const patience = new Patience(MOST_WAITING);
    let leavePictures = (): void => undefined;
    const leaveStatus = this.#stream.join({
      onStatus: (status) => page.send(statusText(status)),
      onUnit: () => undefined,
    });
    const showPictures = (): void => {
      leavePictures();
      leavePictures = this.#stream.join({
        onStatus: () => undefined,
        onUnit: (unit) => {
          if (patience.takes(unit, page.bufferedAmount))
            page.send(Buffer.concat([Buffer.from([+unit.isKey]), unit.data]));
        },
      });
    };
    page.on('message', (wish) => (String(wish) === 'pictures' ? showPictures() : leavePictures()));
    page.on('error', () => page.terminate());
    page.on('close', () => {
      leaveStatus();
      leavePictures();
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ended.abort();
    for (const page of this.#sockets.clients) page.terminate();
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.#server.closeAllConnections();
    await closed;
  }
}

/** Serves a page that shows the stream to browsers on this machine, until it is disposed of. */
export async function servePage(stream: LiveStream, title: string): Promise<StreamPage> {
  const server = new PageServer(stream, title);
  await server.listen();
  return server;
}
