import { expect, test, vi } from 'vitest';
import { SilenceBreaker } from '../../webserver/breaker.ts';
import { type Host, type HostStore, Hosts } from '../../webserver/hosts.ts';
import { reapSilentHosts } from '../../webserver/reaper.ts';

function admission(instanceId: string) {
  return {
    instanceId,
    region: 'us-west-2',
    imageId: 'ami-1',
    environment: 'test',
    hostKey: `key of ${instanceId}`,
  };
}

/** A webserver's hosts with both of its clocks in the test's hand. */
function createHosts(store: HostStore | null = null) {
  const clock = { wallMs: 1_800_000_000_000, monotonicMs: 5000 };
  const hosts = new Hosts(
    () => clock.wallMs,
    store,
    () => clock.monotonicMs,
  );
  const pass = (seconds: number): void => {
    clock.wallMs += seconds * 1000;
    clock.monotonicMs += seconds * 1000;
  };
  const silent = (): string[] => hosts.silentFor(300).map(({ instanceId }) => instanceId);
  return { hosts, clock, pass, silent };
}

/** A reaper that looks a few times when it is told to. */
function createReaper() {
  const { hosts, clock, pass } = createHosts();
  const [said, ended]: [string[], string[]] = [[], []];
  const breaker = new SilenceBreaker(
    () => clock.monotonicMs,
    (isTripped, silent, all) => said.push(`${isTripped} ${silent} of ${all}`),
  );
  const terminate = async (instanceId: string): Promise<void> => void ended.push(instanceId);
  const look = async (afterS: number): Promise<void> => {
    pass(afterS);
    const over = new AbortController();
    const onTerminated = (): void => undefined;
    const reaping = reapSilentHosts(
      { hosts, breaker, silenceS: 300, everyMs: 1, terminate, onTerminated },
      over.signal,
    );
    await new Promise((resolve) => setTimeout(resolve, 50));
    over.abort();
    await reaping;
  };
  return { hosts, pass, look, ended, said };
}

test('a host is silent once it was not heard for so long; a heartbeat starts that anew', () => {
  const { hosts, pass, silent } = createHosts();
  hosts.admit(admission('i-a'), null);
  hosts.admit(admission('i-b'), null);
  pass(200);
  hosts.renew(hosts.get('i-b') as Host);
  pass(99);
  expect(silent()).toEqual([]);
  pass(1);
  expect(silent()).toEqual(['i-a']);
});

test('a clock that is set makes nobody silent', () => {
  const { hosts, clock, silent } = createHosts();
  hosts.admit(admission('i-a'), null);
  clock.wallMs += 86_400_000;
  expect(silent()).toEqual([]);
});

test('a webserver that was away for long gives its hosts their time before it ends one', () => {
  const kept = new Map<string, Host>();
  const store: HostStore = {
    load: () => [...kept.values()],
    put: (host) => void kept.set(host.instanceId, host),
    remove: (instanceId) => void kept.delete(instanceId),
    loadStanding: () => [],
    putStanding: () => undefined,
  };
  createHosts(store).hosts.admit(admission('i-a'), null);
  const later = createHosts(store);
  later.clock.wallMs += 86_400_000;
  expect(later.silent()).toEqual([]);
  later.pass(300);
  expect(later.silent()).toEqual(['i-a']);
});

test('one that cannot be ended is tried again; the reason is told once', async () => {
  const { hosts, clock, pass } = createHosts();
  hosts.admit(admission('i-a'), null);
  pass(300);
  const over = new AbortController();
  const told: (string | null)[] = [];
  const terminate = vi.fn(async () => {
    if (terminate.mock.calls.length < 4) throw new Error('RequestLimitExceeded');
  });
  await reapSilentHosts(
    {
      hosts,
      breaker: new SilenceBreaker(
        () => clock.monotonicMs,
        () => undefined,
      ),
      silenceS: 300,
      everyMs: 5,
      terminate,
      onTerminated: (_, problem) => {
        told.push(problem);
        if (problem === null) over.abort();
      },
    },
    over.signal,
  );
  expect(terminate).toHaveBeenCalledTimes(4);
  expect(terminate).toHaveBeenCalledWith('i-a', 'us-west-2');
  expect(told).toEqual(['RequestLimitExceeded', null]);
  expect(hosts.list()).toEqual([]);
});

test('a reason that lasts is told again after an hour: credentials that ended are not forgotten', async () => {
  const { hosts, clock, pass } = createHosts();
  hosts.admit(admission('i-a'), null);
  pass(300);
  const over = new AbortController();
  let tries = 0;
  const told: (string | null)[] = [];
  const breaker = new SilenceBreaker(
    () => clock.monotonicMs,
    () => undefined,
  );
  await reapSilentHosts(
    {
      hosts,
      breaker,
      silenceS: 300,
      everyMs: 5,
      monotonic: () => clock.monotonicMs,
      terminate: async () => {
        tries += 1;
        if (tries === 3) clock.monotonicMs += 3_600_000;
        if (tries === 5) over.abort();
        throw new Error('ExpiredToken');
      },
      onTerminated: (_, problem) => told.push(problem),
    },
    over.signal,
  );
  expect(told).toEqual(['ExpiredToken', 'ExpiredToken']);
});

test('a host that shows its key is not silent; its token has run out nevertheless', () => {
  const { hosts, pass, silent } = createHosts();
  const token = hosts.admit(admission('i-a'), null);
  hosts.admit(admission('i-b'), null);
  pass(299);
  hosts.hear('i-a', 'key of i-a');
  hosts.hear('i-b', 'key of a thief');
  pass(1);
  expect(silent()).toEqual(['i-b']);
  expect(hosts.recognise('i-a', token)).toBeNull();
});

test('hosts that were revoked are ended, however many they are', async () => {
  const { hosts, look, ended } = createReaper();
  for (let n = 0; n < 5; n += 1) {
    hosts.admit(admission(`i-${n}`), null);
    hosts.orders.change(`i-${n}`, { revoked: 'test' });
  }
  await look(300);
  expect(ended).toHaveLength(5);
});

test('many that fall silent at once are not ended, not even the first of them; a few are', async () => {
  const { hosts, pass, look, ended, said } = createReaper();
  // Heartbeats of sixty hosts are spread over a minute, and then nobody is heard.
  for (let n = 0; n < 60; n += 1) {
    hosts.admit(admission(`i-${n}`), null);
    pass(1);
  }
  await look(240);
  await look(100);
  expect([ended, said]).toEqual([[], ['true 60 of 60']]);
  for (let n = 2; n < 60; n += 1) hosts.renew(hosts.get(`i-${n}`) as Host);
  await look(0);
  expect(ended.sort()).toEqual(['i-0', 'i-1']);
  expect(said[1]).toMatch('false');
});
