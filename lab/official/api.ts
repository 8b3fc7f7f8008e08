import type { IncomingMessage, ServerResponse } from 'node:http';
import { UserProblem } from '../problem.ts';
import { reasonOf } from '../reason.ts';
import { answerOfficial } from './door.ts';
import { answerSources, type SourcesOptions } from './sources.ts';

const SOURCES = '/_lab/sources';
const FAULTS = '/_lab/official';
const MAX_BODY_BYTES = 64 * 1024;

async function bodyOf(incoming: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of incoming) {
    size += (chunk as Buffer).length;
    if (size > MAX_BODY_BYTES) throw new UserProblem('the request is too large');
    chunks.push(chunk as Buffer);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function jsonIn(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    throw new UserProblem('the body is no JSON');
  }
}

function json(outgoing: ServerResponse, status: number, value: unknown): void {
  outgoing.writeHead(status, { 'content-type': 'application/json' });
  outgoing.end(`${JSON.stringify(value)}\n`);
}

async function answerFaults({ official }: SourcesOptions, incoming: IncomingMessage): Promise<unknown> {
  if (incoming.method === 'POST') official.addFault(jsonIn(await bodyOf(incoming)));
  else if (incoming.method === 'DELETE') official.clearFaults();
  else if (incoming.method !== 'GET') throw new UserProblem('GET, POST or DELETE');
  return official.faults;
}

/**
 * The paths of the endpoint about official hosts, for this machine alone: what a plan has to know, faults, and the
 * hosts themselves at `/_lab/official/HOST/PATH`.
 *
 * @returns whether the request was for one of them
 */
export function createOfficialApi(options: SourcesOptions) {
  const answer = (outgoing: ServerResponse, work: Promise<unknown>): void => {
    work.then(
      (value) => json(outgoing, 200, value),
      (error: unknown) => json(outgoing, error instanceof UserProblem ? 400 : 502, { error: reasonOf(error) }),
    );
  };
  return (incoming: IncomingMessage, outgoing: ServerResponse): boolean => {
    const url = new URL(incoming.url ?? '/', 'http://lab');
    if (url.pathname === SOURCES) {
      answer(outgoing, answerSources(options, url.searchParams));
      return true;
    }
    if (url.pathname === FAULTS) {
      answer(outgoing, answerFaults(options, incoming));
      return true;
    }
    if (!url.pathname.startsWith(`${FAULTS}/`)) return false;
    const [, host = '', path = '/'] = /^([^/]+)(\/.*)?$/.exec(url.pathname.slice(FAULTS.length + 1)) ?? [];
    incoming.url = path;
    answerOfficial(options.official, incoming, outgoing, host);
    return true;
  };
}
