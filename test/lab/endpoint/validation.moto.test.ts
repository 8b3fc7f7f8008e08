import { type _InstanceType, DescribeImagesCommand, RunInstancesCommand } from '@aws-sdk/client-ec2';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { sharedTempFolder } from '../../support/temp-folder.ts';
import { motoIsInstalled, startEndpoint } from './endpoint-with-moto.ts';

/** What AWS would refuse, the lab refuses: by AWS's own descriptions of its services. */
describe.skipIf(!motoIsInstalled)('each call is held to the description of its service', () => {
  let lab: Awaited<ReturnType<typeof startEndpoint>>;
  const folder = sharedTempFolder();
  beforeAll(async () => {
    lab = await startEndpoint(folder);
  });
  afterAll(async () => {
    await lab?.stop();
  });

  function form(action: string, parameters: Readonly<Record<string, string>>): string {
    return String(new URLSearchParams({ Action: action, Version: '2016-11-15', ...parameters }));
  }
  const counts = { MinCount: '1', MaxCount: '1' };
  const run = (more: Readonly<Record<string, string>>): [string, string, string] => [
    'ec2',
    'RunInstances',
    form('RunInstances', { ...counts, ...more }),
  ];
  const profile = (parameters: Readonly<Record<string, string>>): [string, string, string] => [
    'iam',
    'GetInstanceProfile',
    form('GetInstanceProfile', parameters),
  ];
  const simulate = (parameters: Readonly<Record<string, string>>): [string, string, string] => [
    'iam',
    'SimulatePrincipalPolicy',
    form('SimulatePrincipalPolicy', { PolicySourceArn: 'arn:aws:iam::123456789012:user/someone', ...parameters }),
  ];

  test.each([
    ['names and numbers', run({ InstanceType: 'g3s.xlarge', SecurityGroupId: '' })],
    ['a list of structures', run({ 'BlockDeviceMapping.1.Ebs.VolumeSize': '32' })],
    ['two items of a list', run({ 'SecurityGroupId.1': 'sg-1', 'SecurityGroupId.2': 'sg-2' })],
    ['a list of the other query protocol', simulate({ 'ActionNames.member.1': 'iam:PassRole' })],
    ['a call without parameters', ['sts', 'GetCallerIdentity', form('GetCallerIdentity', {})]],
    ['JSON', ['ssm', 'StartSession', '{"Target":"i-1","Parameters":{"portNumber":["22"]}}']],
    ["what only Amazon's agent says", ['ecs', 'RegisterContainerInstance', '{"clientToken":"a","cluster":"b"}']],
    ['and where it looks for its orders', ['ecs', 'DiscoverPollEndpoint', '{"zoneId":"","cluster":"b"}']],
    ['an operation that the description has not', ['ec2', 'Nothing', '']],
    ['a service that has none', ['nothing', 'Nothing', '']],
  ] as [string, [string, string, string]][])('%s: fits', async (_, [service, action, body]) => {
    expect(await lab.moto.control('refusal', { service, action, body })).toEqual({});
  });

  test.each([
    ['a parameter that there is not', run({ Nope: '1' }), 'UnknownParameter', 'Nope'],
    ['one inside another', run({ 'BlockDeviceMapping.1.Ebs.Size': '1' }), 'UnknownParameter', 'Ebs.Size'],
    ['a list without a number', run({ 'BlockDeviceMapping.Ebs.VolumeSize': '1' }), 'UnknownParameter', 'BlockDevice'],
    ['a text for a structure', run({ IamInstanceProfile: 'ecs-host' }), 'UnknownParameter', 'IamInstanceProfile'],
    ['a text for a number', run({ MaxCount: 'one' }), 'InvalidParameterValue', 'a number'],
    ['yes for true', run({ EbsOptimized: 'yes' }), 'InvalidParameterValue', 'true or false'],
    ['a type that AWS has not', run({ InstanceType: 'g9.nano' }), 'InvalidParameterValue', 'g9.nano'],
    ['a hop limit of no number', run({ 'MetadataOptions.HttpTokens': 'must' }), 'InvalidParameterValue', 'must'],
    ['nothing of what must be there', ['ec2', 'RunInstances', ''], 'MissingParameter', 'MaxCount'],
    ['a name with a blank', profile({ InstanceProfileName: 'a b' }), 'ValidationError', "'a b'"],
    ['a name too long', profile({ InstanceProfileName: 'a'.repeat(129) }), 'ValidationError', '129'],
    ['a list as EC2 has it', simulate({ 'ActionNames.1': 'iam:PassRole' }), 'ValidationError', 'ActionNames.1'],
    ['JSON without its target', ['ssm', 'StartSession', '{}'], 'ValidationException', 'Target'],
    ['JSON with a number', ['ssm', 'StartSession', '{"Target":1}'], 'ValidationException', 'a text'],
    [
      'JSON with a member too many',
      ['ecs', 'CreateCluster', '{"clusterNames":"a"}'],
      'ValidationException',
      'clusterNames',
    ],
    [
      'JSON with an item of the wrong kind',
      ['ecs', 'RegisterContainerInstance', '{"attributes":[{}]}'],
      'ValidationException',
      'attributes.1.name',
    ],
  ] as [string, [string, string, string], string, string][])(
    '%s: is refused',
    async (_, [service, action, body], code, said) => {
      // The client of moto takes a code for its own failure only when the status says so.
      const refused = await lab.moto.control('refusal', { service, action, body });
      expect(refused).toEqual({ code, message: expect.stringContaining(said) });
    },
  );

  test('the endpoint answers so, in the form of the service, and writes it down', async () => {
    const type = 'g9.nano' as _InstanceType;
    const launch = new RunInstancesCommand({ ImageId: 'ami-1', InstanceType: type, MinCount: 1, MaxCount: 1 });
    await expect(lab.ec2().send(launch)).rejects.toMatchObject({
      name: 'InvalidParameterValue',
      message: expect.stringContaining('g9.nano'),
      $metadata: { httpStatusCode: 400 },
    });
    expect(lab.calls.recent().at(-1)).toMatchObject({ action: 'RunInstances', errorCode: 'InvalidParameterValue' });
    await lab.ec2().send(new DescribeImagesCommand({ Owners: ['self'], IncludeDeprecated: true }));
  });
});
