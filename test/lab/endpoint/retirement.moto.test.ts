import {
  DeregisterImageCommand,
  DescribeImagesCommand,
  DisableImageCommand,
  DisableImageDeprecationCommand,
  DisableImageDeregistrationProtectionCommand,
  type EC2Client,
  EnableImageCommand,
  EnableImageDeprecationCommand,
  EnableImageDeregistrationProtectionCommand,
  ModifyImageAttributeCommand,
  RunInstancesCommand,
} from '@aws-sdk/client-ec2';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { sharedTempFolder } from '../../support/temp-folder.ts';
import { motoIsInstalled, startEndpoint } from './endpoint-with-moto.ts';
import { copyImage, describeImage } from './own-image.ts';

const DAY_MS = 24 * 3600 * 1000;

describe.skipIf(!motoIsInstalled)('the end of an image', () => {
  let lab: Awaited<ReturnType<typeof startEndpoint>>;
  const folder = sharedTempFolder();
  let ec2: EC2Client;
  let base: string;
  beforeAll(async () => {
    lab = await startEndpoint(folder);
    ec2 = lab.ec2();
    base = lab.baseImages['us-west-2'] ?? '';
  });
  afterAll(() => lab?.stop());

  const own = async (more: object = {}) =>
    (await ec2.send(new DescribeImagesCommand({ Owners: ['self'], ...more }))).Images?.map(({ ImageId }) => ImageId);

  test('is announced by a date to the minute, which its owner still sees past it', async () => {
    const { ImageId = '' } = await copyImage(ec2, base, { Name: 'deprecated' });
    const inAYear = new Date(Date.now() + 365 * DAY_MS);
    await ec2.send(new EnableImageDeprecationCommand({ ImageId, DeprecateAt: inAYear }));
    expect((await describeImage(ec2, ImageId))?.DeprecationTime).toBe(`${inAYear.toISOString().slice(0, 16)}:00.000Z`);
    for (const at of [new Date(Date.now() - DAY_MS), new Date(Date.now() + 11 * 365 * DAY_MS)])
      await expect(ec2.send(new EnableImageDeprecationCommand({ ImageId, DeprecateAt: at }))).rejects.toMatchObject({
        name: 'InvalidParameterValue',
      });
    // To the minute, so it is over at once.
    await ec2.send(new EnableImageDeprecationCommand({ ImageId, DeprecateAt: new Date() }));
    expect(await own()).toContain(ImageId);
    await ec2.send(new DisableImageDeprecationCommand({ ImageId }));
    expect((await describeImage(ec2, ImageId))?.DeprecationTime).toBeUndefined();
    await expect(
      ec2.send(new EnableImageDeprecationCommand({ ImageId: base, DeprecateAt: inAYear })),
    ).rejects.toMatchObject({ name: 'AuthFailure' });
  });

  test('does not come while it is protected', async () => {
    const { ImageId = '' } = await copyImage(ec2, base, { Name: 'protected' });
    expect((await describeImage(ec2, ImageId))?.DeregistrationProtection).toBe('disabled');
    const { Return } = await ec2.send(new EnableImageDeregistrationProtectionCommand({ ImageId }));
    expect(Return).toBe('enabled-without-cooldown');
    expect((await describeImage(ec2, ImageId))?.DeregistrationProtection).toBe('enabled-without-cooldown');
    await expect(ec2.send(new DeregisterImageCommand({ ImageId }))).rejects.toMatchObject({
      name: 'OperationNotPermitted',
    });
    await ec2.send(new DisableImageDeregistrationProtectionCommand({ ImageId }));
    await ec2.send(new DeregisterImageCommand({ ImageId }));
    expect(await own()).not.toContain(ImageId);
  });

  test('does not come for a day after the protection when that has a cooldown', async () => {
    const { ImageId = '' } = await copyImage(ec2, base, { Name: 'cooling' });
    await ec2.send(new EnableImageDeregistrationProtectionCommand({ ImageId, WithCooldown: true }));
    expect((await describeImage(ec2, ImageId))?.DeregistrationProtection).toBe('enabled-with-cooldown');
    const { Return } = await ec2.send(new DisableImageDeregistrationProtectionCommand({ ImageId }));
    expect(Return).toMatch(/^disabled-after-\d{4}-/);
    expect((await describeImage(ec2, ImageId))?.DeregistrationProtection).toBe(Return);
    await expect(ec2.send(new DeregisterImageCommand({ ImageId }))).rejects.toMatchObject({
      name: 'OperationNotPermitted',
    });
  });

  test('may be a pause: a disabled image cannot be launched, and loses whom it was shared with', async () => {
    const { ImageId = '' } = await copyImage(ec2, base, { Name: 'disabled' });
    const LaunchPermission = { Add: [{ UserId: '111122223333' }] };
    await ec2.send(new ModifyImageAttributeCommand({ ImageId, LaunchPermission }));
    await ec2.send(new DisableImageCommand({ ImageId }));
    const launch = { ImageId, InstanceType: 't3.large', MinCount: 1, MaxCount: 1 } as const;
    await expect(ec2.send(new RunInstancesCommand(launch))).rejects.toMatchObject({ name: 'InvalidAMIID.Unavailable' });
    expect(await own()).not.toContain(ImageId);
    expect(await own({ IncludeDisabled: true })).toContain(ImageId);
    await ec2.send(new EnableImageCommand({ ImageId }));
    expect(await own()).toContain(ImageId);
    expect((await describeImage(ec2, ImageId))?.State).toBe('available');
  });
});
