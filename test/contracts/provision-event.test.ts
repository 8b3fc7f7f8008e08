import { expect, test } from 'vitest';
import { type ProvisionEvent, provisionEventLine, provisionEventOf } from '#contracts/provision-event.ts';

const event: ProvisionEvent = { type: 'versions', versions: { docker: '20.10.24+dfsg1-1' } };

test('an event is found in its line, whatever packer puts in front', () => {
  expect(provisionEventOf(provisionEventLine(event))).toEqual(event);
  expect(provisionEventOf(`    amazon-ebs.host: ${provisionEventLine(event)}\r`)).toEqual(event);
});

test('a line that was cut and ordinary output are no events', () => {
  expect(provisionEventOf(`    a.b: ${provisionEventLine(event).slice(0, -3)}`)).toBeNull();
  expect(provisionEventOf('    a.b: hello')).toBeNull();
});
