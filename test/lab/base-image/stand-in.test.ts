import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { dearmor } from '../../../lab/base-image/openpgp.ts';
import { UBUNTU } from '../../../lab/base-image/release.ts';
import { aptSources, DEBIAN, lsbRelease, osRelease, ubuntuStandIn } from '../../../lab/base-image/stand-in.ts';
import { osReleaseValue } from '../../../provisioners/lib/os-release.ts';

let folder: string;
let deb: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'stand-in-'));
  deb = join(folder, 'linux-image_1_amd64.deb');
  await writeFile(deb, 'one');
});
afterAll(() => rm(folder, { recursive: true }));

function inputs() {
  return { authorityPem: 'certificate', archiveKey: 'key', kernelDebs: [deb] };
}

describe('a stand-in', () => {
  test('is another image with another release, certificate, key or kernel, and else the same', async () => {
    const one = await ubuntuStandIn('focal', inputs()).digest();
    expect(one).toMatch(/^[0-9a-f]{12}$/);
    expect(await ubuntuStandIn('focal', inputs()).digest()).toBe(one);
    const others = [
      await ubuntuStandIn('jammy', inputs()).digest(),
      await ubuntuStandIn('focal', { ...inputs(), authorityPem: 'another' }).digest(),
      await ubuntuStandIn('focal', { ...inputs(), archiveKey: 'another' }).digest(),
      await ubuntuStandIn('focal', { ...inputs(), kernelDebs: [] }).digest(),
      await DEBIAN.digest(),
    ];
    await writeFile(deb, 'two');
    others.push(await ubuntuStandIn('focal', inputs()).digest());
    await writeFile(deb, 'one');
    expect(new Set([one, ...others]).size).toBe(others.length + 1);
  });

  test.each([
    ['focal', '20.04', 'bullseye'],
    ['jammy', '22.04', 'bookworm'],
    ['noble', '24.04', 'trixie'],
  ] as const)('of %s says that it is Ubuntu %s, and that it is made of %s', (codename, version, suite) => {
    const text = osRelease(UBUNTU[codename]);
    const value = (name: string) => osReleaseValue(text, name);
    expect([value('ID'), value('VERSION_ID'), value('VERSION_CODENAME')]).toEqual(['ubuntu', version, codename]);
    expect(value('PRETTY_NAME')).toMatch(new RegExp(`^Ubuntu ${version}\\.\\d LTS$`));
    expect(value('VARIANT')).toBe(`stand-in of the lab, of Debian ${suite}`);
    expect(lsbRelease(UBUNTU[codename])).toContain(`DISTRIB_CODENAME=${codename}\n`);
    const { substitution } = ubuntuStandIn(codename, inputs());
    expect(substitution.component).toBe('base image');
    expect(substitution.source).toContain(suite);
  });

  test('has the archives of its region, for which cloud-init puts the names', () => {
    expect(aptSources(UBUNTU.focal)).toContain('deb $MIRROR $RELEASE-updates main universe');
    expect(aptSources(UBUNTU.focal)).toContain('deb $SECURITY $RELEASE-security main universe');
    expect(aptSources(UBUNTU.noble)).toContain('Signed-By: /usr/share/keyrings/ubuntu-archive-keyring.gpg');
  });
});

describe('an armored key', () => {
  test('is unpacked without its headers and checksum', () => {
    const bytes = Buffer.from('some bytes of a key, more than one line has room for: 0123456789');
    const lines = bytes.toString('base64').match(/.{1,64}/g) ?? [];
    const armored = (head: string) =>
      [
        ...['before', '-----BEGIN PGP PUBLIC KEY BLOCK-----', head, ...lines, '=abcd'],
        ...['-----END PGP PUBLIC KEY BLOCK-----', ''],
      ].join('\n');
    expect(dearmor(armored(''))).toEqual(bytes);
    expect(dearmor(armored('Comment: of somebody\n'))).toEqual(bytes);
  });

  test('is refused when it is none', () => {
    expect(() => dearmor('<html>')).toThrow('no ASCII-armored block');
  });
});
