import { join } from 'node:path';
import { execa, execaSync } from 'execa';
import { expect, test } from 'vitest';

const ROOTFS = join(import.meta.dirname, '../../packer/rootfs');
const RULES = join(ROOTFS, 'etc/ecs-host/imds-block.nft');
const WATCH = join(ROOTFS, 'opt/ecs-host/bin/ecs-host-imds-watch');

const OWN_NETWORK = ['--net', '--pid', '--fork', '--kill-child', '--mount-proc'];
const canTry = execaSync('unshare', [...OWN_NETWORK, 'nft', 'list', 'ruleset'], { reject: false }).exitCode === 0;
const WHY_NOT = 'it needs root, namespaces of its own and nft';

/** What a script prints in a network of its own, which goes with it. */
async function inOwnNetwork(script: string, ...args: readonly string[]): Promise<string[]> {
  const file = join(import.meta.dirname, 'network', script);
  const { stdout } = await execa('unshare', [...OWN_NETWORK, 'bash', file, ...args], {
    stdin: 'ignore',
    timeout: 20_000,
  });
  return stdout.split('\n').sort();
}

test('a container reaches all but the metadata service and the control port, by any bridge', async (context) => {
  if (!canTry) context.skip(WHY_NOT);
  const everything = await inOwnNetwork('probe.sh');
  expect(everything.filter((line) => !line.endsWith(' open'))).toEqual([]);
  expect(await inOwnNetwork('probe.sh', RULES)).toEqual([
    'another-port open',
    'control-by-bridge shut',
    'control-by-host-address shut',
    'control-by-ipv6 shut',
    'host-to-itself open',
    'host-to-metadata open',
    'metadata shut',
    'published-port open',
    'task-credentials open',
    'webserver-to-control open',
  ]);
}, 30_000);

test.for([
  ['everything is flushed', 'nft flush ruleset'],
  ['the table is deleted', 'nft delete table inet ecs_host_imds'],
  ['a chain is emptied', 'nft flush chain inet ecs_host_imds input'],
  ['a rule is put before the others', 'nft insert rule inet ecs_host_imds prerouting accept'],
])('when %s, the block is put back within a second, and that is said', async ([, command = ''], context) => {
  if (!canTry) context.skip(WHY_NOT);
  const [ms, said] = await inOwnNetwork('flush.sh', WATCH, RULES, ...command.split(' '));
  expect(Number(ms)).toBeLessThan(1000);
  expect(said).toBe('<3>the block of the metadata service was taken away or changed; it is put back');
});
