import { putFile } from '../test/e2e/machine-edits.ts';
import { option, spread, withServingHost } from './booted.ts';
import { atMost, median, saveResult } from './result.ts';

/**
 * What the witness costs: Docker's own start of a prepared container on a booted machine, with the witness and with
 * runc alone (a bind mount over the witness), in turn.
 *
 *   node bench/witness.ts [--rounds N]
 */
const ROUNDS = option('rounds', 10);
const CONTAINERS = 40;
const MOST_MS = 3;

/** Docker is asked through its socket: the client's own beginning would be ten times what is measured. */
const MEASURE = `import http.client, json, socket, subprocess, time

class Docker(http.client.HTTPConnection):
    def __init__(self):
        super().__init__('docker')
    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect('/run/docker.sock')

docker = Docker()

def ask(method, path, body=None):
    docker.request(method, '/v1.41' + path, body and json.dumps(body), {'Content-Type': 'application/json'})
    answer = docker.getresponse()
    text = answer.read()
    assert answer.status < 300, (path, answer.status, text)
    return json.loads(text) if text else None

container = {'Image': 'tools', 'NetworkDisabled': True}
ids = [ask('POST', '/containers/create', container)['Id'] for _ in range(${CONTAINERS})]
times = {'witness': [], 'alone': []}

def measure(kind):
    for id in ids:
        from_ns = time.monotonic_ns()
        ask('POST', f'/containers/{id}/start')
        times[kind].append((time.monotonic_ns() - from_ns) / 1e6)
        ask('POST', f'/containers/{id}/wait')

measure('witness')
times['witness'].clear()
for number in range(${ROUNDS}):
    for kind in ('witness', 'alone') if number % 2 else ('alone', 'witness'):
        if kind == 'alone':
            subprocess.run(['mount', '--bind', '/usr/sbin/runc.distrib', '/usr/sbin/runc'], check=True)
        try:
            measure(kind)
        finally:
            if kind == 'alone':
                subprocess.run(['umount', '/usr/sbin/runc'], check=True)
print(json.dumps(times))
`;

await withServingHost(async (host) => {
  await putFile(host, '/tmp/measure.py', MEASURE);
  const { witness, alone } = JSON.parse(await host.run('sudo python3 /tmp/measure.py', 600_000)) as Record<
    'witness' | 'alone',
    number[]
  >;
  const more = median(witness) - median(alone);
  console.log(`with the witness: ${spread(witness)} (${witness.length} starts)`);
  console.log(`runc alone: ${spread(alone)}`);
  console.log(`the witness costs ${more.toFixed(1)} ms a start; ${atMost(`${MOST_MS} ms`, more <= MOST_MS)}`);
  await saveResult('witness', {
    baseline: 'docker start with runc alone',
    ratio: median(witness) / median(alone),
    goal: null,
    rounds: ROUNDS,
    isWithin3Ms: more <= MOST_MS,
  });
  if (more > MOST_MS) process.exitCode = 1;
});
