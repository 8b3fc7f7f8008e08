import { expect, test } from 'vitest';
import { endpointFromEnvironment } from '../../src/aws/endpoint.ts';

test.each([
  'http://127.0.0.1:4599',
  'http://127.0.0.1:4599/',
  'https://lab.example.com',
  'https://amazonaws.com.example.com',
])('%s is a lab: its calls carry no real credentials', (url) => {
  expect(endpointFromEnvironment(url)).toBe(url.replace(/\/$/, ''));
});

test.each([
  '',
  'https://ec2.us-east-2.amazonaws.com',
  'https://vpce-0aa-bb.ec2.us-east-2.vpce.amazonaws.com',
  'https://ec2-fips.us-east-2.amazonaws.com/',
  'https://ec2.cn-north-1.amazonaws.com.cn',
  'https://ec2.us-east-2.api.aws',
])('"%s" is AWS itself, with the credentials of the user', (url) => {
  expect(endpointFromEnvironment(url)).toBe(null);
});

test.each(['not a url', 'localhost:4599', 'ftp://127.0.0.1', 'http://', 'http://ec2.us-east-2.amazonaws.com'])(
  '"%s" is refused with what is wrong',
  (url) => {
    expect(() => endpointFromEnvironment(url)).toThrow(
      expect.objectContaining({ kind: 'user', code: 'ENDPOINT_URL', message: expect.stringContaining(url) }),
    );
  },
);
