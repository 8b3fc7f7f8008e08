import type { BootedHost } from '../test/e2e/booted-host.ts';

/** A line of the host service's file of starts; times are nanoseconds since 1970. */
export type HandledStart = {
  readonly id: string;
  readonly eventNs: string | null;
  readonly startedAtNs: string | null;
  readonly handledNs: string;
};

/** All starts that the host service has handled in this boot. */
export const handledStarts = async (host: BootedHost): Promise<HandledStart[]> =>
  (await host.run('sudo cat /run/ecs-host/starts.ndjson 2>/dev/null || true'))
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as HandledStart);

/** Containers c1 to cN that end after a moment. Their image is two files: a program, and what it is linked with. */
export const createNaps = async (host: BootedHost, count: number): Promise<void> => {
  await host.run(
    'tar --create --dereference --absolute-names /bin/sleep $(ldd /bin/sleep | grep -o "/[^ ]*") | docker import - nap >/dev/null',
  );
  await host.run(
    `for i in $(seq ${count}); do docker create --name c$i nap /bin/sleep 0.05 >/dev/null; sudo mkdir -p /var/lib/ecs-host/containers/c$i; done`,
    300_000,
  );
};
