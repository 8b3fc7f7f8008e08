/**
 * Actions that on AWS would do something to a machine, a disk or an address, and that moto would pretend to have done. The lab
 * answers UnsupportedOperation, so that nobody believes in an effect that never came. lab/README.md lists them for people, and a
 * test keeps the two lists equal.
 */
const UNTAUGHT: Readonly<Record<string, readonly string[]>> = {
  ec2: [
    'AssignIpv6Addresses',
    'AssignPrivateIpAddresses',
    'AssociateAddress',
    'AttachClassicLinkVpc',
    'AttachNetworkInterface',
    'AttachVolume',
    'BundleInstance',
    'CreateFleet',
    'CreateInstanceExportTask',
    'CreateReplaceRootVolumeTask',
    'CreateRestoreImageTask',
    'CreateSnapshots',
    'CreateStoreImageTask',
    'DetachNetworkInterface',
    'DetachVolume',
    'DisassociateAddress',
    'ExportImage',
    'GetConsoleScreenshot',
    'GetPasswordData',
    'ImportImage',
    'ImportInstance',
    'ImportSnapshot',
    'ImportVolume',
    'ModifyNetworkInterfaceAttribute',
    'ModifySnapshotTier',
    'ModifyVolume',
    'RequestSpotFleet',
    'RequestSpotInstances',
    'RestoreSnapshotFromRecycleBin',
    'RestoreSnapshotTier',
    'SendDiagnosticInterrupt',
    'UnassignPrivateIpAddresses',
  ],
  ssm: ['CreateAssociation', 'ResumeSession', 'SendCommand', 'StartAutomationExecution', 'StartSession'],
  autoscaling: ['CreateAutoScalingGroup', 'SetDesiredCapacity'],
};

export function isUntaught(service: string, action: string): boolean {
  return UNTAUGHT[service]?.includes(action) ?? false;
}

/** For the test that compares this list with the README. */
export function untaughtActions(): readonly string[] {
  return Object.values(UNTAUGHT).flat();
}
