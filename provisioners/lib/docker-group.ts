import type { Context } from './context.ts';
import { textOf, tool } from './tool.ts';

async function isMember(user: string): Promise<boolean> {
  return (await textOf`id --name --groups ${user}`).split(' ').includes('docker');
}

/** The login user may speak with Docker. */
export async function joinDockerGroup({ step, target }: Context): Promise<void> {
  const { sshUser } = target;
  if (sshUser === null) return;
  await step(`${sshUser} in group docker`, { doneWhen: () => isMember(sshUser) }, async () => {
    await tool`usermod --append --groups docker ${sshUser}`;
  });
}

export async function checkDockerGroup(context: Context, id: string): Promise<void> {
  const { sshUser } = context.target;
  const about = { title: `${sshUser ?? 'The login user'} may use Docker`, expected: 'member of docker' };
  if (sshUser === null) return context.skip({ id, ...about }, 'this machine is used by root alone');
  await context.look({ id, ...about }, async () => {
    const isCorrect = await isMember(sshUser);
    return { actual: isCorrect ? 'member of docker' : 'not a member', isCorrect };
  });
}
