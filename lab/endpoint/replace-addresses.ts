/**
 * Puts the machines' real addresses into RunInstances' answer, which moto wrote before they were known. DNS names hold
 * the address with dashes.
 */
export function replaceAddresses(body: Buffer, replacements: ReadonlyMap<string, string>): Buffer {
  if (replacements.size === 0) return body;
  let text = body.toString('utf8');
  for (const [made, real] of replacements) {
    for (const [from, to] of [
      [made, real],
      [made.replaceAll('.', '-'), real.replaceAll('.', '-')],
    ] as const) {
      // Not inside a longer number: 172.31.0.1 is a prefix of 172.31.0.12.
      text = text.replaceAll(new RegExp(`(?<![\\d])${from.replaceAll('.', '\\.')}(?![\\d])`, 'g'), to);
    }
  }
  return Buffer.from(text);
}
