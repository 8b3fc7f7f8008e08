import type { Check } from '#contracts/check.ts';
import { HOST_NODE, onHost } from '#contracts/host-paths.ts';
import { provisionEventOf } from '#contracts/provision-event.ts';
import type { Ssh } from '../../host-access/ssh.ts';
import type { CheckBook } from './check-book.ts';

/** What an instance runs as root to look at its own image. */
export const VERIFY = `${HOST_NODE} ${onHost('provisioners/main.mjs')} verify --stage booted`;

/** Pure: the checks among what verify printed. */
export function checksIn(stdout: string): Check[] {
  return stdout.split('\n').flatMap((line) => {
    const event = provisionEventOf(line);
    return event?.type === 'check' ? [event.check] : [];
  });
}

/** The image looks at itself again, now booted; its checks land in the verdict as they are. */
export async function checkVerify(ssh: Ssh, book: CheckBook, timeoutMs: number): Promise<void> {
  const { exitCode, stdout, stderr, durationMs } = await ssh.run(`sudo ${VERIFY}`, { timeoutMs });
  const checks = checksIn(stdout);
  for (const check of checks) book.add({ ...check, id: `booted.${check.id}` });
  const said = stderr.trim().split('\n').at(-1) ?? '';
  book.record('verify.ran', {
    actual: `exit code ${exitCode}, ${checks.length} checks`,
    isCorrect: exitCode === 0 && checks.length > 0,
    durationMs,
    ...(exitCode === 0 || said === '' ? {} : { reason: said }),
  });
}

const IMDS = 'http://169.254.169.254/latest';
const PROBE = `
const ask = (path, init) => fetch(${JSON.stringify(IMDS)} + path, { ...init, signal: AbortSignal.timeout(5000) })
  .then(async (answer) => ({ status: answer.status, length: (await answer.text()).length }), (error) => ({ status: 0, error: String(error.cause ?? error) }));
const token = await ask('/api/token', { method: 'PUT', headers: { 'x-aws-ec2-metadata-token-ttl-seconds': '60' } });
const v1 = await ask('/meta-data/instance-id');
console.log(JSON.stringify({ token, v1 }));
`;

/** The host itself gets at the metadata service, by version 2 only. */
export async function checkHostMetadata(ssh: Ssh, book: CheckBook): Promise<void> {
  const { stdout } = await ssh.run(`${HOST_NODE} --input-type=module -`, { input: PROBE });
  const { token, v1 } = JSON.parse(stdout) as Record<
    'token' | 'v1',
    { status: number; length?: number; error?: string }
  >;
  const got = token.status === 200 && (token.length ?? 0) > 0;
  book.record('imds.host-token', { actual: got ? 'a token' : (token.error ?? `HTTP ${token.status}`), isCorrect: got });
  book.record('imds.v1-refused', { actual: v1.error ?? `HTTP ${v1.status}`, isCorrect: v1.status === 401 });
}
