import { join } from 'node:path';
import { execa, execaSync } from 'execa';
import { expect, test } from 'vitest';
import { tempFolder } from '../../support/temp-folder.ts';

const OWN = ['--mount', '--propagation=private', '--net', '--pid', '--fork', '--kill-child', '--mount-proc'];
const TOOLS = ['apt-get', 'curl', 'gpg', 'gpgv', 'dpkg-deb', 'xz', 'ip'];
const canTry = TOOLS.every(
  (tool) =>
    execaSync('unshare', [...OWN, 'sh', '-c', 'mount -t tmpfs tmpfs /mnt && which "$1"', 'sh', tool], { reject: false })
      .exitCode === 0,
);

type Outcome = {
  readonly scenario: string;
  readonly fault: string | null;
  readonly result?: string;
  readonly error?: string;
};

/** What the machine of in-namespace.ts got of each host, by scenario and fault. */
async function outcomes(): Promise<ReadonlyMap<string, Outcome>> {
  const program = join(import.meta.dirname, 'in-namespace.ts');
  const { stdout } = await execa('unshare', [...OWN, process.execPath, program, tempFolder()], { stdin: 'ignore' });
  const lines = stdout.split('\n').map((line) => JSON.parse(line) as Outcome);
  return new Map(lines.map((line) => [`${line.scenario}: ${line.fault ?? 'whole'}`, line]));
}

/** One machine for all: what takes its time is apt. */
test('what provisioners fetch is verified whole, and each fault is refused by its name', {
  timeout: 10 * 60_000,
}, async (context) => {
  if (!canTry) context.skip(`it needs root, namespaces of its own, and ${TOOLS.join(', ')}`);
  const found = await outcomes();

  const results = {
    docker: '5:28.1.1-1~ubuntu.20.04~focal\n1.7.27-1',
    toolkit: '1.20.0-1',
    // The lab's own, and Debian's under Ubuntu's name.
    ubuntu: '5.15.0-1084.91~20.04.1\n20.10.5+dfsg1-1',
    driver: '#!/bin/sh\n',
    agent: 'an agent\n',
    cli: 'a zip\n',
    node: 'a node\n',
  };
  for (const [scenario, result] of Object.entries(results))
    expect(found.get(`${scenario}: whole`), scenario).toMatchObject({ result });

  const refusals = {
    'docker: wrong-signature': /GPG error: https:\/\/download\.docker\.com.*BADSIG/,
    'docker: wrong-checksum': /Failed to fetch https:\/\/download\.docker\.com.*Hash Sum mismatch/,
    'docker: expired-key': /GPG error: https:\/\/download\.docker\.com.*EXPKEYSIG/,
    'docker: missing': /download\.docker\.com\/linux\/ubuntu\/gpg.*404/,
    'toolkit: expired-key': /GPG error: https:\/\/nvidia\.github\.io.*EXPKEYSIG/,
    'ubuntu: wrong-signature': /GPG error: http:\/\/\S+ubuntu\.com.*BADSIG/,
    'ubuntu: wrong-checksum': /Failed to fetch http:\/\/us-west-2\.ec2\.archive\.ubuntu\.com.*Hash Sum mismatch/,
    'driver: wrong-checksum': /nvidia\.run has sha256 [0-9a-f]{64}, and [0-9a-f]{64} is pinned/,
    'driver: missing': /download\.nvidia\.com.*404/,
    'agent: wrong-signature': /agent\.deb is not signed by [0-9A-F]{40}: the signature is of another content/,
    'agent: expired-key': /agent\.deb is not signed by [0-9A-F]{40}: its key, as it is pinned, expired on 2024-02-01/,
    'cli: wrong-checksum': /cli\.zip is not signed by [0-9A-F]{40}: the signature is of another content/,
    'cli: missing': /awscli\.amazonaws\.com.*404/,
    'node: wrong-checksum': /not in gzip format/,
    'node: missing': /curl.*404/,
    'another node: whole': /exit code 1/,
    'another host of TLS: whole': /example\.com.*(SSL|alert)/,
  };
  for (const [name, refusal] of Object.entries(refusals)) expect(found.get(name)?.error, name).toMatch(refusal);
  expect([...found.keys()].sort()).toEqual(
    [...Object.keys(results).map((name) => `${name}: whole`), ...Object.keys(refusals)].sort(),
  );
});
