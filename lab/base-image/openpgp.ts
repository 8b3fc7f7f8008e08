/**
 * The bytes of an ASCII-armored block (RFC 9580, 6.2): what keyrings of apt and gpgv hold.
 *
 * @throws Error when there is none
 */
export function dearmor(text: string): Buffer {
  const [, body] =
    /-----BEGIN PGP [A-Z ]+-----\r?\n(?:[A-Za-z]+: .*\r?\n)*\r?\n([\s\S]*?)-----END PGP /.exec(text) ?? [];
  if (body === undefined) throw new Error('no ASCII-armored block');
  // The line with the equals sign is a checksum of it.
  return Buffer.from(body.replace(/^=.*$/m, ''), 'base64');
}
