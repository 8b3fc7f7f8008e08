import type { BootedHost } from '../test/e2e/booted-host.ts';
import { COUNTED } from '../test/e2e/counted-containers.ts';
import { CONTAINERD_CLIENT } from '../test/e2e/revocation-storm.ts';
import type { Sample } from './walk-judge.ts';

const SAMPLES = '/var/lib/count/samples';

/** Looks ten times a second, and reads the leases as the witness does. It asks nobody of the host service. */
const LOOK = `import json, subprocess, time

def now():
    return int(open('/proc/uptime').read().split()[0].replace('.', ''))

def is_valid(name):
    try:
        text = open('/run/ecs-host/' + name).readline().strip()
    except OSError:
        return False
    return text.isdigit() and now() <= int(text) <= now() + 300

show = ['systemctl', 'show', '--property=ActiveState,MainPID', 'ecs-host.service', 'ecs.service']
with open('${SAMPLES}', 'a', buffering=1) as out:
    while True:
        cs = now()
        gate, agent_gate = is_valid('gate-open'), is_valid('agent-open')
        units = subprocess.run(show, capture_output=True, text=True).stdout.split('\\n\\n')
        if len(units) == 2:
            service, agent = (dict(line.split('=', 1) for line in unit.split()) for unit in units)
            out.write(json.dumps({'cs': cs, 'gate': gate, 'agentGate': agent_gate, 'pid': int(service['MainPID']),
                                  'agent': agent['ActiveState'] in ('active', 'activating', 'reloading')}) + '\\n')
        time.sleep(max(0, 0.1 - (now() - cs) / 100))
`;

/** Starts containers all the time, by Docker and by containerd's own client. */
const TRY = `while :; do
  timeout -k 1 15 docker run --rm ${COUNTED} >/dev/null 2>&1
  sleep 0.3
  ${CONTAINERD_CLIENT} >/dev/null 2>&1
  sleep 0.3
done`;

export function startWatching(host: BootedHost): Promise<string> {
  return host.run(`: >${SAMPLES}; cat >/tmp/look.py <<'EOS'
${LOOK}EOS
cat >/tmp/try.sh <<'EOS'
${TRY}
EOS
sudo systemd-run --quiet --collect --unit=walk-look python3 /tmp/look.py
sudo systemd-run --quiet --collect --unit=walk-try sh /tmp/try.sh`);
}

export async function stopWatching(host: BootedHost): Promise<Sample[]> {
  await host.run('sudo systemctl stop walk-look walk-try');
  return (await host.run(`cat ${SAMPLES}`)).split('\n').map((line) => JSON.parse(line) as Sample);
}
