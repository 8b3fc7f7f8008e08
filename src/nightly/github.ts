import { reasonOf } from '#contracts/reason.ts';
import { outsideError, userError } from '../io/errors.ts';
import { list, NUMBER, nullable, object, shapeCheck, TEXT } from '../io/shape.ts';
import type { Issue, IssueAction } from './issue.ts';

/** The repository of a workflow, and how it is asked: as GitHub gives it to a job. */
export type Repository = {
  /** `https://api.github.com`, or a GitHub of one's own. */
  readonly apiUrl: string;
  /** owner/name */
  readonly name: string;
  readonly token: string;
};

const PER_PAGE = 100;
/** Far more open issues than anybody looks through. */
const MOST_PAGES = 50;
const LIMIT_MS = 30_000;

/** @throws EcsHostError (user) `GITHUB_ENVIRONMENT`, naming what the workflow does not give */
export function repositoryFrom(environment: Readonly<Record<string, string | undefined>>): Repository {
  const token = environment['GITHUB_TOKEN'] ?? '';
  const name = environment['GITHUB_REPOSITORY'] ?? '';
  const apiUrl = environment['GITHUB_API_URL'] ?? 'https://api.github.com';
  const missing = [
    ...(token === '' ? ['GITHUB_TOKEN'] : []),
    ...(/^[\w.-]+\/[\w.-]+$/.test(name) ? [] : ['GITHUB_REPOSITORY']),
  ];
  if (missing.length > 0)
    throw userError(
      'GITHUB_ENVIRONMENT',
      `Not in the environment, or without its form: ${missing.join(', ')}.`,
      'a step of a workflow gets GITHUB_TOKEN by `env` from `github.token`, in a job with `issues: write`',
    );
  return { apiUrl: apiUrl.replace(/\/+$/, ''), name, token };
}

async function call(repository: Repository, method: string, path: string, body?: object): Promise<unknown> {
  const { apiUrl, name, token } = repository;
  const failed = (why: string) =>
    outsideError('GITHUB_FAILED', `GitHub did not do ${method} /repos/${name}${path}: ${why}.`, 'run the job again');
  const answer = await fetch(`${apiUrl}/repos/${name}${path}`, {
    method,
    headers: {
      accept: 'application/vnd.github+json',
      authorization: `Bearer ${token}`,
      'x-github-api-version': '2022-11-28',
      'user-agent': 'ecs-host',
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    body: body === undefined ? null : JSON.stringify(body),
    redirect: 'error',
    signal: AbortSignal.timeout(LIMIT_MS),
  }).catch((error: unknown) => {
    throw failed(reasonOf(error));
  });
  const text = await answer.text();
  if (!answer.ok) throw failed(`it answered ${answer.status} ${text.slice(0, 200)}`);
  try {
    return JSON.parse(text);
  } catch {
    throw failed('its answer is not JSON');
  }
}

const problemOf = shapeCheck(list(object({ number: NUMBER, title: TEXT, body: nullable(TEXT) }, ['body'])));

type Listed = {
  readonly number: number;
  readonly title: string;
  readonly body?: string | null;
  readonly pull_request?: unknown;
};

/** The open issues of the repository; pull requests, which the API counts among them, are left out. */
export async function openIssues(repository: Repository): Promise<Issue[]> {
  const issues: Issue[] = [];
  for (let page = 1; page <= MOST_PAGES; page += 1) {
    const answer = await call(repository, 'GET', `/issues?state=open&per_page=${PER_PAGE}&page=${page}`);
    const problem = problemOf(answer);
    if (problem !== null) throw outsideError('GITHUB_FAILED', `GitHub's list of issues cannot be read: ${problem}.`);
    const found = answer as readonly Listed[];
    for (const { number, title, body, pull_request } of found)
      if (pull_request === undefined) issues.push({ number, title, body: body ?? '' });
    if (found.length < PER_PAGE) break;
  }
  return issues;
}

/** Does what was decided, each in one call: half of it is never done. */
export async function applyAction(repository: Repository, action: IssueAction): Promise<void> {
  switch (action.action) {
    case 'open':
      await call(repository, 'POST', '/issues', { title: action.title, body: action.body });
      return;
    case 'update':
      await call(repository, 'PATCH', `/issues/${action.number}`, { title: action.title, body: action.body });
      return;
    case 'close':
      await call(repository, 'PATCH', `/issues/${action.number}`, {
        body: action.body,
        state: 'closed',
        state_reason: 'completed',
      });
      return;
    case 'nothing':
  }
}
