import type { Wanted } from '../bootstrap/desired.ts';
import { networksOf } from '../bootstrap/sources.ts';
import { userError } from '../io/errors.ts';

/** What `ecs-host bootstrap` was told on its command line, checked. */
export type BootstrapOptions = {
  readonly wanted: Wanted;
  /** null: no template is written. */
  readonly template: string | null;
  readonly destroy: boolean;
  readonly dryRun: boolean;
  readonly yes: boolean;
};

type Argv = Readonly<Record<string, unknown>>;

const REPOSITORY = /^[A-Za-z0-9](?:[A-Za-z0-9-]{0,38})\/[A-Za-z0-9._-]{1,100}$/;
/** A branch by git's rules, without what is a wildcard in a policy. */
const BRANCH = /^(?!.*(?:\.\.|\/\/|@\{|\.lock(?:\/|$)))[A-Za-z0-9][A-Za-z0-9._/+@-]{0,199}$/;

function list(argv: Argv, name: string): string[] | null {
  const value = argv[name];
  return Array.isArray(value) && value.length > 0 ? value.map(String) : null;
}

function networks(argv: Argv, name: string, mayBeEverybody: boolean): string[] | null {
  const values = list(argv, name);
  return values === null ? null : networksOf(name, values, { mayBeEverybody });
}

function callerOf(argv: Argv): Wanted['ci'] {
  const repository = argv['ci-repository'];
  const branch = String(argv['ci-branch'] ?? 'main');
  if (typeof repository !== 'string') {
    if (argv['ci-branch'] !== undefined)
      throw userError('USAGE', '--ci-branch says nothing without --ci-repository.', 'give both');
    return null;
  }
  if (!REPOSITORY.test(repository))
    throw userError('USAGE', `--ci-repository "${repository}" is not owner/name.`, 'for example octo-org/hosts');
  if (!BRANCH.test(branch))
    throw userError('USAGE', `--ci-branch "${branch}" is no branch.`, 'one branch, without wildcards: main');
  return { repository, branch };
}

/** The switches that mean something by themselves, and those that were given beside them. */
function refuseBeside(argv: Argv, alone: string, others: readonly string[]): void {
  const beside = others.find((name) => argv[name] !== undefined && argv[name] !== false);
  if (argv[alone] !== undefined && argv[alone] !== false && beside !== undefined)
    throw userError('USAGE', `--${alone} and --${beside} do not go together.`, 'leave one of them out');
}

/**
 * @throws EcsHostError (user) on what is no network, repository or branch, and on options that contradict each other
 */
export function bootstrapOptions(argv: Argv): BootstrapOptions {
  refuseBeside(argv, 'template', ['destroy', 'dry-run', 'yes', 'json']);
  refuseBeside(argv, 'destroy', ['clients', 'webserver', 'ci-repository', 'ci-branch']);
  return {
    wanted: {
      clients: networks(argv, 'clients', true),
      webserver: networks(argv, 'webserver', false),
      logDays: Number(argv['log-days']),
      ci: callerOf(argv),
    },
    template: typeof argv['template'] === 'string' ? argv['template'] : null,
    destroy: argv['destroy'] === true,
    dryRun: argv['dry-run'] === true,
    yes: argv['yes'] === true,
  };
}
