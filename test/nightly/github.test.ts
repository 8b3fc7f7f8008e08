import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { applyAction, openIssues, type Repository, repositoryFrom } from '../../src/nightly/github.ts';
import { type Issue, issueActions } from '../../src/nightly/issue.ts';
import { BAD_IMAGE, RELEASED } from '../fixtures/night.ts';

/**
 * The part of GitHub's REST API that is used (version 2022-11-28), as its reference has it:
 * - every call needs `authorization: Bearer`, `x-github-api-version` and a `user-agent`, else 401 or 403;
 * - `GET /repos/{owner}/{repo}/issues?state=open&per_page=N&page=P`: 200 with a page, pull requests among them;
 * - `POST /repos/{owner}/{repo}/issues` with title and body: 201 with the issue;
 * - `PATCH /repos/{owner}/{repo}/issues/{number}` with title, body, state, state_reason: 200, or 404.
 * Whatever else is asked is 500, so that a test fails on it.
 */
type Kept = { number: number; title: string; body: string | null; state: string; pull_request?: object };

class FakeGitHub {
  readonly issues: Kept[] = [];
  readonly calls: string[] = [];
  /** What the next calls are answered with, in place of an answer. */
  broken: { status: number; body: string } | null = null;
  readonly server = createServer((request, response) => void this.#answer(request, response));

  add(title: string, body: string | null, more: Partial<Kept> = {}): void {
    this.issues.push({ number: this.issues.length + 1, title, body, state: 'open', ...more });
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const send = (status: number, body: unknown): void => {
      response.writeHead(status, { 'content-type': 'application/json' });
      response.end(typeof body === 'string' ? body : JSON.stringify(body));
    };
    const url = new URL(request.url ?? '', 'http://fake');
    this.calls.push(`${request.method} ${url.pathname}`);
    const { authorization, 'x-github-api-version': version, 'user-agent': agent } = request.headers;
    if (authorization !== 'Bearer the-token') return send(401, { message: 'Bad credentials' });
    if (version !== '2022-11-28' || !agent) return send(403, { message: 'no version or user agent' });
    if (this.broken !== null) return send(this.broken.status, this.broken.body);
    const given = request.method === 'GET' ? {} : (JSON.parse(await text(request)) as Partial<Kept>);
    const [, number] = /^\/repos\/o\/r\/issues(?:\/(\d+))?$/.exec(url.pathname) ?? [null];
    if (number === null) return send(500, { message: 'the fake was not taught this path' });
    if (request.method === 'GET' && number === undefined) {
      if (url.searchParams.get('state') !== 'open') return send(500, { message: 'only open ones' });
      const [size, page] = ['per_page', 'page'].map((name) => Number(url.searchParams.get(name)));
      const open = this.issues.filter(({ state }) => state === 'open').toReversed();
      return send(200, open.slice(((page ?? 1) - 1) * (size ?? 0), (page ?? 1) * (size ?? 0)));
    }
    if (request.method === 'POST' && number === undefined) {
      this.add(String(given.title), given.body ?? null);
      return send(201, this.issues.at(-1));
    }
    const issue = this.issues.find((each) => each.number === Number(number));
    if (request.method !== 'PATCH') return send(500, { message: 'the fake was not taught this method' });
    if (issue === undefined) return send(404, { message: 'Not Found' });
    return send(200, Object.assign(issue, given));
  }
}

let github: FakeGitHub;
let repository: Repository;

beforeEach(async () => {
  github = new FakeGitHub();
  github.server.listen(0, '127.0.0.1');
  await once(github.server, 'listening');
  const { port } = github.server.address() as AddressInfo;
  repository = { apiUrl: `http://127.0.0.1:${port}`, name: 'o/r', token: 'the-token' };
});
afterEach(() => {
  github.server.close();
});

async function night(outcome: typeof RELEASED): Promise<void> {
  const { profile, region } = BAD_IMAGE;
  const told = [{ profile, region, outcome: { ...outcome, profile, region } }];
  for (const action of issueActions(told, await openIssues(repository), { url: null, at: 'now' }))
    await applyAction(repository, action);
}

test('there is one open issue while nights fail, and none when they are good again', async () => {
  github.add('something else', null);
  await night(RELEASED);
  expect(github.issues).toHaveLength(1);
  await night(BAD_IMAGE);
  await night(BAD_IMAGE);
  expect(github.issues.map(({ title, state }) => [title, state])).toEqual([
    ['something else', 'open'],
    ['Nightly fails: cpu-bookworm in us-east-2', 'open'],
  ]);
  expect(github.issues[1]?.body).toContain('The last 2 nights failed');
  await night(RELEASED);
  expect(github.issues[1]).toMatchObject({ state: 'closed', state_reason: 'completed' });
  await night(BAD_IMAGE);
  expect(github.issues.filter(({ state }) => state === 'open')).toHaveLength(2);
});

describe('the list of issues', () => {
  test('is read page by page, without pull requests', async () => {
    for (let at = 0; at < 230; at += 1) github.add(`issue ${at}`, 'b', at % 10 === 0 ? { pull_request: {} } : {});
    expect(await openIssues(repository)).toHaveLength(207);
    expect(github.calls).toHaveLength(3);
  });

  test.each([
    [{ status: 403, body: '{"message":"Resource not accessible by integration"}' }, 'not accessible by integration'],
    [{ status: 200, body: '<html>' }, 'not JSON'],
    [{ status: 200, body: '[{"number":1}]' }, 'it lacks'],
  ])('%j is an outside failure that says why', async (broken, why) => {
    github.broken = broken;
    const asked = openIssues(repository);
    await expect(asked).rejects.toMatchObject({ kind: 'outside', code: 'GITHUB_FAILED' });
    await expect(asked).rejects.toThrow(why);
    await expect(asked).rejects.not.toThrow('the-token');
  });

  test('a GitHub that is not there is one, too', async () => {
    github.server.close();
    await expect(openIssues({ ...repository, apiUrl: 'http://127.0.0.1:1' })).rejects.toMatchObject({
      code: 'GITHUB_FAILED',
    });
  });
});

test('an issue that is gone meanwhile is an outside failure', async () => {
  const gone: Issue = { number: 99, title: 't', body: 'b' };
  const action = { profile: 'p', region: 'r', action: 'close', ...gone } as const;
  await expect(applyAction(repository, action)).rejects.toThrow('404');
});

describe('what GitHub gives a job', () => {
  test('is read from the environment', () => {
    const environment = { GITHUB_TOKEN: 't', GITHUB_REPOSITORY: 'o/r', GITHUB_API_URL: 'https://ghe.example/api/v3/' };
    expect(repositoryFrom(environment)).toEqual({ apiUrl: 'https://ghe.example/api/v3', name: 'o/r', token: 't' });
    expect(repositoryFrom({ GITHUB_TOKEN: 't', GITHUB_REPOSITORY: 'o/r' }).apiUrl).toBe('https://api.github.com');
  });

  test.each([
    [{}, 'GITHUB_TOKEN, GITHUB_REPOSITORY'],
    [{ GITHUB_TOKEN: 't', GITHUB_REPOSITORY: 'o/r/../x' }, 'GITHUB_REPOSITORY'],
  ])('%j is not enough', (environment, missing) => {
    expect(() => repositoryFrom(environment)).toThrow(expect.objectContaining({ code: 'GITHUB_ENVIRONMENT' }));
    expect(() => repositoryFrom(environment)).toThrow(missing);
  });
});
