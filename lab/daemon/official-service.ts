import type { IncomingMessage, ServerResponse } from 'node:http';
import { type Archives, openArchive } from '../mirror/apt-mirror.ts';
import { listenForPeers } from '../net/peer-socket.ts';
import { SERVICE_ADDRESS } from '../net/plan.ts';
import { createOfficialApi } from '../official/api.ts';
import { ensureKey, type Signer } from '../official/archive-key.ts';
import { type Authority, ensureAuthority } from '../official/authority.ts';
import { type Door, type Guest, hostOf, openDoor, standInDoor } from '../official/door.ts';
import { createOfficialHosts } from '../official/hosts.ts';
import { hostNamed, machineNames } from '../official/names.ts';
import { Official } from '../official/official.ts';
import { createPartFolders } from '../official/part-folders.ts';
import { UbuntuArchive } from '../official/ubuntu-archive.ts';
import { wayOut } from '../official/way-out.ts';
import { partNamed } from '../parts/catalog.ts';
import type { SourcesMode } from '../sources-mode.ts';
import type { NamespaceService } from './namespace-services.ts';

export type OfficialService = {
  readonly service: NamespaceService;
  /** What resolves to the service address. */
  readonly names: readonly string[];
  readonly onRequest: Door['onRequest'];
  /** Paths of the endpoint. @returns whether it was one of them */
  readonly api: (incoming: IncomingMessage, outgoing: ServerResponse) => boolean;
};

type Options = {
  readonly mode: () => Promise<SourcesMode>;
  readonly cache: string;
  readonly archives: Archives;
  readonly guests: readonly Guest[];
  readonly log: (line: string) => void;
};

/** One door, behind which is what the lab uses just then. */
function doorFor({ mode, cache, guests, log }: Options, official: Official, authority: Authority): Door {
  const doors: Readonly<Record<SourcesMode, Door>> = {
    'stand-in': standInDoor({ official, authority, guests, log }),
    official: openDoor({
      official,
      out: wayOut,
      ubuntu: {
        archive: openArchive(cache, 'ubuntu', 'http://archive.ubuntu.com/ubuntu', log),
        security: openArchive(cache, 'ubuntu-security', 'http://security.ubuntu.com/ubuntu', log),
      },
      log,
    }),
  };
  return {
    onConnection: (socket) => void mode().then((now) => doors[now].onConnection(socket)),
    onRequest: (incoming, outgoing) => {
      if (hostNamed(official.hosts, hostOf(incoming))?.over !== 'http') return false;
      void mode().then((now) => doors[now].onRequest(incoming, outgoing));
      return true;
    },
    close: () => {
      for (const door of Object.values(doors)) door.close();
    },
  };
}

/** The official hosts of the lab, as machines and as makers of plans reach them. */
export async function officialService(options: Options): Promise<OfficialService> {
  const { mode, cache, archives, log } = options;
  const keys = new Map<Signer, ReturnType<typeof ensureKey>>();
  const key = (signer: Signer): ReturnType<typeof ensureKey> => {
    const known = keys.get(signer) ?? ensureKey(cache, signer);
    keys.set(signer, known);
    known.catch(() => keys.delete(signer));
    return known;
  };
  const parts = createPartFolders(partNamed, cache, (line) => log(`parts: ${line}`));
  const ubuntu = new UbuntuArchive({ archives, parts, key: () => key('ubuntu-archive') });
  const official = new Official(createOfficialHosts({ parts, key, ubuntu }), log);
  const door = doorFor(options, official, await ensureAuthority(cache));
  return {
    service: {
      name: 'official',
      address: SERVICE_ADDRESS,
      port: 443,
      serve: async (path) => {
        const sockets = await listenForPeers(path, door.onConnection);
        return {
          close: () => {
            sockets.close();
            door.close();
          },
        };
      },
    },
    names: [...machineNames(official.hosts), ...options.guests.flatMap(({ names: each }) => each)],
    onRequest: door.onRequest,
    api: createOfficialApi({ mode, parts, key, official }),
  };
}
