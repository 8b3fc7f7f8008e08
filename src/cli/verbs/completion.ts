import { userError } from '../../io/errors.ts';
import { type Argv, textOf } from '../arguments.ts';
import { SHELLS, SUPPORT, shellOf } from '../completion/shells.ts';

/** `ecs-host completion [shell]`: the script that has a shell complete this program's line. */
export async function completion(argv: Argv): Promise<number> {
  const named = textOf(argv, 'shell');
  const shell = SHELLS.find((each) => each === named) ?? shellOf(process.env['SHELL']);
  if (shell === null)
    throw userError(
      'USAGE',
      'SHELL names none of the shells that can be completed in.',
      `name one: \`ecs-host completion ${SHELLS.join('|')}\``,
    );
  process.stdout.write(SUPPORT[shell].script);
  return 0;
}
