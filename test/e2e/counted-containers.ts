import type { BootedHost } from './booted-host.ts';

/** A line of the host service's record; times are hundredths of a second of CLOCK_BOOTTIME. */
export type RecordedStart = {
  readonly n: number;
  readonly id: string;
  readonly startedCs: number;
  readonly pid: number;
  readonly takenCs: number;
};

/** What a container's own first process wrote: the first 12 digits of its id, and when. */
export type CountedStart = { readonly id: string; readonly atCs: number };

/** Of its own file system, so that whatever is full, a container can write there. */
const COUNT_FOLDER = '/var/lib/count';

/**
 * Arguments of `docker run` and `docker create` for a container that counts itself, and that does not make a stop wait;
 * a command may follow.
 */
export const COUNTED = `--stop-signal KILL --volume ${COUNT_FOLDER}:/count tools`;

/** Sees to it that a container's first process, and nobody else, writes one line the moment it runs. */
const ENTRY = `#!/bin/sh
read -r up _ </proc/uptime
{ echo "$HOSTNAME $up" >>/count/starts; } 2>/dev/null
exec "$@"
`;

const PROGRAMS = '/bin/sh /bin/sleep /bin/true /bin/false /bin/cat /bin/ln /bin/rm /bin/mkdir /usr/bin/mkfifo';

/**
 * An image `tools` of a shell, a few programs, and what they are linked with; and the folder where containers count
 * themselves.
 */
export async function importTools(host: BootedHost): Promise<void> {
  await host.run(`sudo tee /usr/local/bin/counted >/dev/null <<'EOS'
${ENTRY}EOS
sudo chmod 755 /usr/local/bin/counted
sudo mkdir -p ${COUNT_FOLDER}
sudo mount -t tmpfs -o size=64m,mode=1777 tmpfs ${COUNT_FOLDER}
: >${COUNT_FOLDER}/starts; chmod 666 ${COUNT_FOLDER}/starts
files='${PROGRAMS}'
libraries=$(ldd $files | grep -o '/[^ ]*\\.so[^ ]*' | sort -u)
tar --create --dereference --absolute-names /usr/local/bin/counted $files $libraries |
  docker import --change 'ENTRYPOINT ["/usr/local/bin/counted"]' --change 'CMD ["/bin/true"]' - tools >/dev/null`);
}

function lines(text: string): string[] {
  return text.split('\n').filter((line) => line !== '');
}

/** The containers' own count: nobody of the host had a part in it. */
export async function countedStarts(host: BootedHost): Promise<CountedStart[]> {
  return lines(await host.run(`cat ${COUNT_FOLDER}/starts`)).map((line) => {
    const [id = '', up = ''] = line.split(' ');
    return { id, atCs: Math.round(Number(up) * 100) };
  });
}

export function parseRecord(text: string): RecordedStart[] {
  return lines(text).map((line) => JSON.parse(line) as RecordedStart);
}

const SEGMENTS = '/run/ecs-host/starts/record.1.ndjson /run/ecs-host/starts/record.ndjson';

/** What the host service has on its record: the last 4096 to 8192 starts. */
export async function recordedStarts(host: BootedHost): Promise<RecordedStart[]> {
  return parseRecord(await host.run(`sudo sh -c 'cat ${SEGMENTS} 2>/dev/null || true'`));
}
