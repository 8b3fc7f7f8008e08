/** What whoever runs the lab can mend: exit code 2. Everything else is a failure of the lab or of a tool. */
export class UserProblem extends Error {
  override readonly name: string = 'UserProblem';
}

const REASONS: Readonly<Record<string, string>> = {
  ENOSPC: 'no space is left there',
  EDQUOT: 'your quota is used up',
  EROFS: 'it is on a read-only file system',
  EACCES: 'you may not',
  EPERM: 'you may not',
};

function isOutOfSpace(error: Error): boolean {
  return (error as NodeJS.ErrnoException).code === 'ENOSPC' || error.message.includes('No space left on device');
}

/**
 * The reason in words: a full disk is said with the folders of the lab, as the system does not say where it is
 * full.
 */
export function explainProblem(error: unknown, folders: { readonly state: string; readonly cache: string }): Error {
  if (!(error instanceof Error)) return new Error(String(error));
  if (error instanceof UserProblem) return error;
  if (error instanceof TypeError && (error as NodeJS.ErrnoException).code?.startsWith('ERR_PARSE_ARGS'))
    return new UserProblem(error.message);
  const { state, cache } = folders;
  if (isOutOfSpace(error))
    return new UserProblem(
      `No space is left for the lab, in ${state} or ${cache}: free some, or name other folders in ECS_HOST_STATE and ECS_HOST_CACHE (${error.message.split('\n').at(-1)}).`,
      { cause: error },
    );
  const { code, path } = error as NodeJS.ErrnoException;
  const reason = REASONS[code ?? ''];
  if (reason === undefined || path === undefined) return error;
  return new UserProblem(`${path} cannot be used: ${reason} (${code}).`, { cause: error });
}
