/**
 * Pure: who joins group docker. The one who called sudo; for root itself the login user of the profile's images, when
 * there is one; else nobody. @param passwd the text of /etc/passwd
 */
export function loginUserOf(passwd: string, sudoUser: string | undefined, sshUser: string | null): string | null {
  const isThere = (name: string): boolean => passwd.split('\n').some((line) => line.startsWith(`${name}:`));
  for (const name of [sudoUser, sshUser]) if (name && name !== 'root' && isThere(name)) return name;
  return null;
}
