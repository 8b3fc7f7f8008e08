import { dirname } from 'node:path';
import { createPreflightClients } from '../aws/preflight-clients.ts';
import type { DoctorItem } from '../doctor/doctor-item.ts';
import { runDoctor } from '../doctor/run-doctor.ts';
import { EcsHostError } from '../io/errors.ts';
import { type Selection, transportOf } from '../plan/resolve.ts';
import { IDENTITY } from '../preflight/caller.ts';
import { asItem, itemOf, type Look, missing, type PreflightItem } from '../preflight/look.ts';
import { LIMIT_MS, lookAtAll } from '../preflight/preflight.ts';
import { programLooks } from '../preflight/programs.ts';
import { subjectOf } from '../preflight/subject.ts';
import { smokeNeeds } from '../smoke/needs.ts';
import { quietly } from './arguments.ts';
import { type Connection, withConnection } from './connect.ts';
import { factsFor, offerBaseImage } from './make-plan.ts';
import { runOf } from './preflight.ts';
import { commonArguments, type Session, withSession } from './session.ts';

/** Of this machine: what the lab needs only where the region is the lab's, Packer and its like anywhere. */
async function machineItems(isLab: boolean): Promise<readonly DoctorItem[]> {
  const { items } = await runDoctor();
  const isNeeded = ({ neededFor }: DoctorItem): boolean => neededFor === 'everything' || (isLab && neededFor === 'lab');
  return items.filter(isNeeded);
}

/** What `ami` would look at before it does anything. */
async function regionItems(
  session: Session,
  argv: Record<string, unknown>,
  connection: Connection,
): Promise<readonly DoctorItem[]> {
  await offerBaseImage(session, connection);
  const { apiRegion, endpointUrl, keys, clients } = connection;
  const subject = subjectOf(connection.selection, dirname(connection.loaded.file));
  using more = createPreflightClients({ apiRegion, endpointUrl }, keys);
  const [machine, region] = await Promise.all([
    machineItems(subject.isLab),
    lookAtAll(
      {
        subject,
        run: await runOf({ ...argv, _: ['ami'] }, { builds: true, smokes: 2, watches: true }),
        ec2: clients.ec2,
        clients: more,
        readSecret: clients.readSecret,
        keys,
        endpointUrl,
        found: factsFor(connection),
        needs: smokeNeeds(subject.transport),
      },
      { waits: false },
    ),
  ]);
  return [...machine, ...region];
}

function noCredentials(error: unknown): PreflightItem | null {
  if (!(error instanceof EcsHostError) || !/^CREDENTIALS_/.test(error.code)) return null;
  const { message, hint = '', code } = error;
  const needed = 'credentials that AWS takes; nothing else of the region could be looked at';
  return { ...asItem(IDENTITY, needed, missing(message.replace(/\.$/, ''), hint)), code };
}

/** Every prerequisite of a run in a region, as far as it can be looked at. */
export async function lookAtRegion(argv: Record<string, unknown>): Promise<readonly DoctorItem[]> {
  let programs: readonly Look[] = [];
  const before = async ({ profile }: Selection): Promise<void> => {
    programs = programLooks(smokeNeeds(transportOf(profile)));
  };
  try {
    return await withSession(quietly(argv), (session) =>
      withConnection(session, commonArguments(argv), (connection) => regionItems(session, argv, connection), before),
    );
  } catch (error) {
    const item = noCredentials(error);
    if (item === null) throw error;
    const looked = await Promise.all(programs.map((look) => itemOf(look, LIMIT_MS)));
    return [...(await machineItems(false)), item, ...looked.filter((each) => each !== null)];
  }
}
