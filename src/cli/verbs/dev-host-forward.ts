import { findDevHost } from '../../dev-host/find.ts';
import { assertPortIsFree, forwardPorts, parseForwards } from '../../dev-host/forward.ts';
import { sshNeeds } from '../../host-access/needs.ts';
import { userError } from '../../io/errors.ts';
import { requirePrograms } from '../../io/programs.ts';
import type { Argv } from '../arguments.ts';
import { withDevHost } from '../dev-host.ts';
import { printEvent } from '../json.ts';
import { commonArguments, withSession } from '../session.ts';

/** A name begins with a letter, a port with a digit. */
function splitWords(argv: Argv): { readonly name: string; readonly ports: readonly string[] } {
  const words = ((argv['words'] as readonly unknown[] | undefined) ?? []).map(String);
  const isNamed = /^[a-z]/i.test(words[0] ?? '');
  const ports = words.slice(isNamed ? 1 : 0);
  if (ports.length === 0)
    throw userError('USAGE', 'No port was given.', 'for example `ecs-host dev-host forward dev 8080 9000:80`');
  return { name: isNamed ? (words[0] ?? '') : '', ports };
}

/** `ecs-host dev-host forward [name] port[:remote]...`: until Ctrl-C. */
export async function forward(argv: Record<string, unknown>): Promise<number> {
  const { name, ports } = splitWords(argv);
  const forwards = parseForwards(ports);
  for (const each of forwards) await assertPortIsFree(each);
  const { json } = commonArguments(argv);
  await withSession(argv, (session) =>
    withDevHost(session, { ...argv, name }, async (host, region) => {
      await requirePrograms(sshNeeds(host.transport));
      const lookAgain = () => findDevHost(region.clients, { ...region, name: host.instanceId });
      let isSaid = false;
      await forwardPorts({ host, lookAgain, ...session }, forwards, () => {
        if (isSaid) return;
        isSaid = true;
        printEvent(json, { type: 'forwarding', host: host.name, ports: forwards }, [
          ...forwards.map(({ here, there }) => `127.0.0.1:${here} leads to port ${there} of ${host.name}`),
          'Ctrl-C ends it.',
        ]);
      });
    }),
  );
  return 0;
}
