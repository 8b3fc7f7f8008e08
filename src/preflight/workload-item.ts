import { execa } from 'execa';
import { type Look, missing, ok, unchecked } from './look.ts';
import type { Subject } from './subject.ts';

const COMMIT = /^[0-9a-f]{40}$/;
/** What `git ls-remote --exit-code` says when it got an answer, and nothing of that name is in it. */
const NO_SUCH_REF = 2;

/** Nobody is asked for a name or a password, and no host key is taken unseen. */
const UNASKED = { GIT_TERMINAL_PROMPT: '0', GIT_ASKPASS: 'true', GIT_SSH_COMMAND: 'ssh -o BatchMode=yes' };

/** Pure: the line in which git says what is wrong. */
function reasonOf(stderr: string): string {
  const lines = stderr.split('\n').filter((line) => line.trim() !== '');
  return (lines.find((line) => /^(fatal|error|remote):/.test(line)) ?? lines[0] ?? 'git says nothing').trim();
}

/** The developer's repository, as an instance will clone it. */
export function workloadLook({ workload: { repository, ref } }: Subject): Look {
  return {
    name: "the workload's repository",
    needed: `${repository} at ${ref}`,
    look: async (signal) => {
      // A commit is no name that a server lists.
      const wanted = COMMIT.test(ref) ? 'HEAD' : ref;
      const { exitCode, stderr } = await execa('git', ['ls-remote', '--exit-code', '--', repository, wanted], {
        reject: false,
        cancelSignal: signal,
        stdin: 'ignore',
        env: UNASKED,
      });
      if (exitCode === 0) return ok(`it answers, and has ${wanted}`);
      if (exitCode === NO_SUCH_REF) return missing(`it has no ${wanted}`, 'correct workload.ref in the profile');
      if (exitCode === undefined) return unchecked('git cannot be run here', '`make setup` installs it');
      return missing(
        reasonOf(stderr),
        'correct workload.repository in the profile, or let it be read without a password',
      );
    },
  };
}
