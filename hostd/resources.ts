import { access, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** Streaming containers' private folders on the host, each mounted into its container; whoever runs a container makes its folder. */
export const CONTAINERS_FOLDER = '/var/lib/ecs-host/containers';

/** Docker's own rule for names; anything else must not become a path. */
const NAME = /^[A-Za-z0-9][A-Za-z0-9_.-]*$/;
/** The first ones are the host's own consoles, and 63 is the last that Linux has. */
const TTYS = { first: 10, last: 63 };
const FILES = ['.ready', 'tty', 'ports.json'] as const;

/** Appears whole: a container may look at any moment. */
const write = async (folder: string, file: string, text: string): Promise<void> => {
  await writeFile(join(folder, `${file}.partial`), text);
  await rename(join(folder, `${file}.partial`), join(folder, file));
};

const isThere = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );

export type Resources = {
  /**
   * Gives a container what it needs to stream: `ports.json` (`{"32262/tcp": 32768}`), `tty` (a number no other has), and then `.ready`. Doing
   * it again changes nothing. False when the container has no private folder: then it is none of ours.
   */
  assign(name: string, ports: Readonly<Record<string, number>>): Promise<boolean>;
  /** Takes it back. */
  release(name: string): Promise<void>;
  /** Names of the containers that have something. */
  assigned(): Promise<readonly string[]>;
};

/** What is assigned is in the files themselves, so a service that was killed goes on with what they say. */
export const createResources = (folder: string = CONTAINERS_FOLDER): Resources => {
  const ttys = new Map<string, number>();

  const readTty = async (name: string): Promise<number | null> => {
    const number = Number(await readFile(join(folder, name, 'tty'), 'utf8').catch(() => ''));
    return Number.isInteger(number) && number >= TTYS.first && number <= TTYS.last ? number : null;
  };

  const assigned = async (): Promise<readonly string[]> => {
    const names = (await readdir(folder).catch(() => [])).filter((name) => NAME.test(name));
    const has = await Promise.all(
      names.map(async (name) =>
        (await Promise.all(FILES.map((file) => isThere(join(folder, name, file))))).includes(true),
      ),
    );
    return names.filter((_, index) => has[index]);
  };

  let scanned: Promise<void> | null = null;
  const scan = (): Promise<void> => {
    scanned ??= (async () => {
      for (const name of await assigned()) {
        const tty = await readTty(name);
        if (tty !== null) ttys.set(name, tty);
      }
    })();
    return scanned;
  };

  /** No await between looking and taking: two containers that start together get two numbers. */
  const takeTty = (name: string): number => {
    const own = ttys.get(name);
    if (own !== undefined) return own;
    const taken = new Set(ttys.values());
    for (let tty = TTYS.first; tty <= TTYS.last; tty += 1) {
      if (taken.has(tty)) continue;
      ttys.set(name, tty);
      return tty;
    }
    throw new Error(`all ttys from ${TTYS.first} to ${TTYS.last} are taken`);
  };

  return {
    assigned,
    assign: async (name, ports) => {
      if (!NAME.test(name)) return false;
      const own = join(folder, name);
      if (!(await isThere(own))) return false;
      await scan();
      await write(own, 'ports.json', `${JSON.stringify(ports)}\n`);
      await write(own, 'tty', `${takeTty(name)}\n`);
      await write(own, '.ready', '');
      return true;
    },
    release: async (name) => {
      if (!NAME.test(name)) return;
      // `.ready` first: nothing must look ready that is not.
      for (const file of FILES) await rm(join(folder, name, file), { force: true });
      ttys.delete(name);
    },
  };
};
