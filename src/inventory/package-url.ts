import type { DebPackage, Inventory } from './inventory.ts';

/** As package URLs write a name or a version: a colon (the epoch of Debian) may stand as it is. */
function encoded(text: string): string {
  return encodeURIComponent(text).replaceAll('%3A', ':');
}

export function debUrl({ name, version, architecture }: DebPackage, os: Inventory['os']): string {
  const distro = encoded(os.codename === '' ? `${os.id}-${os.versionId}` : os.codename);
  return `pkg:deb/${encoded(os.id)}/${encoded(name)}@${encoded(version)}?arch=${encoded(architecture)}&distro=${distro}`;
}

export function npmUrl(name: string, version: string): string {
  return `pkg:npm/${name.split('/').map(encodeURIComponent).join('/')}@${encoded(version)}`;
}

export function genericUrl(name: string, version: string): string {
  return `pkg:generic/${encoded(name)}@${encoded(version)}`;
}
