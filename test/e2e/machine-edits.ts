import { DescribeContainerInstancesCommand, ListContainerInstancesCommand } from '@aws-sdk/client-ecs';
import type { HostConfig } from '#contracts/host-config.ts';
import type { Identity } from '../../hostd/imds.ts';
import { shellQuote } from '../../src/io/shell-quote.ts';
import type { BootedHost } from './booted-host.ts';

/** Writes a file of the machine, as root; who owns one that is there, and who may read it, stays. */
export function putFile(host: BootedHost, path: string, text: string): Promise<string> {
  return host.run(`printf %s ${shellQuote(text)} | sudo tee ${path} >/dev/null`);
}

const HOST_CONFIG = '/etc/ecs-host/host.json';

/** Changes what the host service was told with user data; it reads that in its next life. */
export async function editHostConfig(host: BootedHost, change: Partial<HostConfig>): Promise<void> {
  const before = JSON.parse(await host.run(`sudo cat ${HOST_CONFIG}`)) as HostConfig;
  await putFile(host, HOST_CONFIG, JSON.stringify({ ...before, ...change }));
}

const DROP_INS = '/run/systemd/system/ecs-host.service.d';

/** Settings of the host service's unit, beside its own; they count from its next start. */
export function setDropIn(host: BootedHost, name: string, settings: readonly string[]): Promise<string> {
  return host.run(
    [
      `sudo mkdir -p ${DROP_INS}`,
      `printf '%s\\n' '[Service]' ${settings.map(shellQuote).join(' ')} | sudo tee ${DROP_INS}/${name}.conf >/dev/null`,
      'sudo systemctl daemon-reload',
    ].join(' && '),
  );
}

export function removeDropIn(host: BootedHost, name: string): Promise<string> {
  return host.run(`sudo rm ${DROP_INS}/${name}.conf && sudo systemctl daemon-reload`);
}

const FAKETIME = '/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1';

/** From Debian's mirror, once. */
export async function installFaketime(host: BootedHost): Promise<void> {
  if ((await host.try(`test -e ${FAKETIME}`)).exitCode === 0) return;
  const install = 'sudo DEBIAN_FRONTEND=noninteractive apt-get -qqy install faketime >/dev/null';
  await host.run(`sudo apt-get -qq update && ${install}`, 90_000);
}

/** Machines of the lab share this machine's clock: from its next start the service has one so many seconds off. */
export async function setClock(host: BootedHost, offset: string): Promise<void> {
  await host.run(`echo ${offset} | sudo tee /etc/faketimerc >/dev/null`);
  await setDropIn(host, 'clock', [
    `Environment=LD_PRELOAD=${FAKETIME}`,
    'Environment=FAKETIME_NO_CACHE=1 FAKETIME_DONT_FAKE_MONOTONIC=1',
  ]);
}

/** States of the cluster's container instances: none before a host has registered, one for one host. */
export async function containerInstances(host: BootedHost): Promise<string[]> {
  const { containerInstanceArns = [] } = await host.clients.ecs.send(
    new ListContainerInstancesCommand({ cluster: host.cluster }),
  );
  if (containerInstanceArns.length === 0) return [];
  const { containerInstances: found = [] } = await host.clients.ecs.send(
    new DescribeContainerInstancesCommand({ cluster: host.cluster, containerInstances: containerInstanceArns }),
  );
  return found.map(({ status = '' }) => status);
}

/** Who the machine is, from its own metadata. */
export async function identityOf(host: BootedHost): Promise<Identity> {
  const read = (path: string): Promise<string> =>
    host.run(`
      imds=http://169.254.169.254/latest
      token=$(curl -sfX PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 60' $imds/api/token)
      curl -sf -H "X-aws-ec2-metadata-token: $token" $imds/dynamic/instance-identity/${path}`);
  const document = await read('document');
  const { instanceId, instanceType, region, imageId, accountId } = JSON.parse(document) as Identity;
  const [signature, pkcs7] = [await read('signature'), await read('rsa2048')];
  return { instanceId, instanceType, region, imageId, accountId, document, signature, pkcs7 };
}
