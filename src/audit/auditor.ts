import type { AuditRequest } from '#contracts/audit.ts';
import { auditTools } from '../bundle/audit-program.ts';
import type { RunOptions, Ssh } from '../host-access/ssh.ts';
import { outsideError } from '../io/errors.ts';
import { bringNode } from './interpreter.ts';

/** Of the auditor's own, which is gone with it. */
const FOLDER = '/tmp/ecs-host-audit';
const READ_MS = 900_000;

/** A second instance that reads a disk and has nothing of what is on it. */
export type Auditor = {
  /** @returns what its program printed, compressed. @throws EcsHostError (outside) `AUDIT_FAILED` */
  ask(request: AuditRequest): Promise<Buffer>;
};

async function must(ssh: Ssh, command: string, options?: RunOptions): Promise<string> {
  const { exitCode, stdout, stderr } = await ssh.run(command, options);
  if (exitCode === 0) return stdout;
  const said = stderr.trim().split('\n').at(-1) ?? '';
  throw outsideError('AUDIT_FAILED', `The auditor ${ssh.target.instanceId} could not read: ${said}`);
}

/** Brings program and interpreter there, so that nothing of the image has a say. */
export async function setUpAuditor(ssh: Ssh): Promise<Auditor> {
  const tools = await auditTools();
  await must(ssh, `mkdir -p -m 0700 ${FOLDER}`);
  await bringNode(ssh, tools, `${FOLDER}/node`, must);
  await must(ssh, `chmod 0755 ${FOLDER}/node && cat >${FOLDER}/audit.mjs`, { inputFile: tools.program });
  return {
    ask: async (request) => {
      const printed = await must(ssh, `sudo ${FOLDER}/node ${FOLDER}/audit.mjs`, {
        input: JSON.stringify(request),
        timeoutMs: READ_MS,
        encoding: 'latin1',
      });
      return Buffer.from(printed, 'latin1');
    },
  };
}
