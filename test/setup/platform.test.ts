import { expect, test } from 'vitest';
import { isOnAws, platformProblems } from '../../scripts/setup-lib/platform.mjs';
import { readPrerequisites } from '../../scripts/setup-lib/prerequisites.mjs';
import { parseOsRelease } from '../../scripts/setup-lib/probe.mjs';

const needed = readPrerequisites();
const bookworm = { id: 'debian', version: '12', name: 'Debian GNU/Linux 12 (bookworm)' };
const good = {
  os: 'linux',
  arch: 'x64',
  node: '20.0.0',
  npm: '/usr/bin/npm',
  python: '3.10.0',
  distribution: bookworm,
};

test('a fresh Debian 12 with the oldest Node and Python will do', () => {
  expect(platformProblems(needed, good)).toEqual([]);
});

test.for([
  { id: 'ubuntu', version: '22.04', name: 'Ubuntu 22.04.5 LTS' },
  { id: 'ubuntu', version: '24.04', name: 'Ubuntu 24.04 LTS' },
  { id: 'debian', version: '', name: 'Debian GNU/Linux trixie/sid' },
])('$name will do', (distribution) => {
  expect(platformProblems(needed, { ...good, distribution })).toEqual([]);
});

test('everything that is wrong is told at once, each with its fix', () => {
  const problems = platformProblems(needed, {
    os: 'darwin',
    arch: 'arm64',
    node: '18.20.4',
    npm: null,
    python: '3.8.10',
    distribution: { id: 'ubuntu', version: '20.04', name: 'Ubuntu 20.04.6 LTS' },
  });
  expect(problems.map(({ what }) => what)).toEqual([
    'this is darwin on arm64; needed is Linux on x86-64',
    'this is Ubuntu 20.04.6 LTS; needed is Debian 12 or newer, or Ubuntu 22.04 or newer',
    'Node.js is 18.20.4; needed is 20.0.0 or newer',
    'npm is not in PATH',
    'Python is 3.8.10; needed is 3.10.0 or newer',
  ]);
  for (const { fix } of problems) expect(fix).not.toBe('');
});

test('another distribution is refused by name', () => {
  const distribution = parseOsRelease('NAME="Fedora Linux"\nID=fedora\nVERSION_ID=41\nPRETTY_NAME="Fedora Linux 41"\n');
  expect(platformProblems(needed, { ...good, distribution })[0]?.what).toContain('Fedora Linux 41');
});

test('os-release is read with double, single and no quotes', () => {
  expect(parseOsRelease(`ID=ubuntu\nVERSION_ID="22.04"\nPRETTY_NAME='Ubuntu 22.04'\n`)).toEqual({
    id: 'ubuntu',
    version: '22.04',
    name: 'Ubuntu 22.04',
  });
});

test.each([
  [['--region', 'us-east-2'], true],
  [['--region', 'ap-southeast-1'], true],
  [['--plain', '--region', 'us-gov-west-1'], true],
  [['--region', 'local'], false],
  [['--region'], false],
  [[], false],
])('set-up with %j is for a run on AWS: %s', (args, onAws) => {
  expect(isOnAws(args)).toBe(onAws);
});
