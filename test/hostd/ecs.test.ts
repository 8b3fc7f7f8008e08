import { expect, test } from 'vitest';
import { readInstance } from '../../hostd/ecs.ts';

const ACCOUNT = { region: 'us-east-2', accountId: '123456789012' };
const ARN = 'arn:aws:ecs:us-east-2:123456789012:container-instance/streaming/0123456789abcdef0123456789abcdef';
function said(more: object = {}): string {
  return JSON.stringify({ Cluster: 'streaming', ContainerInstanceArn: ARN, ...more });
}

test.each([
  ['streaming', ARN],
  ['arn:aws:ecs:us-east-2:123456789012:cluster/streaming', ARN],
  ['streaming', ARN.replace('arn:aws:', 'arn:aws-us-gov:')],
])('what an agent says of itself: %s', (Cluster, ContainerInstanceArn) => {
  expect(readInstance(said({ Cluster, ContainerInstanceArn }), ACCOUNT)).toEqual({
    cluster: 'streaming',
    arn: ContainerInstanceArn,
  });
});

test.each([
  ['another account', { ContainerInstanceArn: ARN.replace('123456789012', '210987654321') }],
  ['another region', { ContainerInstanceArn: ARN.replace('us-east-2', 'us-east-1') }],
  ['an option', { Cluster: '--endpoint-url' }],
  ['something in an ARN', { ContainerInstanceArn: `${ARN} --endpoint-url=http://192.0.2.1` }],
  ['control characters', { Cluster: 'a\nb' }],
])('%s is not believed', (_, more) => {
  expect(() => readInstance(said(more), ACCOUNT)).toThrow('is no container instance of 123456789012 in us-east-2');
});

test('an agent that has not registered says so', () => {
  expect(() => readInstance('{"Cluster":"streaming","ContainerInstanceArn":null}', ACCOUNT)).toThrow('not registered');
});

test.each(['secret', 'null', '[]', '', '{"Cluster":"a"'])(
  'what is no answer of an agent is said, and not quoted: %j',
  (text) => {
    expect(() => readInstance(text, ACCOUNT)).toThrow(
      /^(the agent is not registered|what answers at the agent's port: it is not JSON .*)$/,
    );
  },
);
