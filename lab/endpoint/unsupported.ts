/**
 * Actions that on AWS would do something to a machine, a disk, an address or a task, and that moto would pretend to
 * have done. The lab answers UnsupportedOperation, so that nobody believes in an effect that never came. lab/README.md
 * lists them for people, and a test keeps the two lists equal.
 */
const UNSUPPORTED: Readonly<Record<string, readonly string[]>> = {
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
  // Snapshots of the lab are made of disks of machines.
  ebs: ['StartSnapshot', 'PutSnapshotBlock', 'CompleteSnapshot'],
  ssm: ['CreateAssociation', 'SendCommand', 'StartAutomationExecution'],
  // moto would say of what nobody started that it runs.
  ecs: ['CreateTaskSet', 'ExecuteCommand'],
  // A group may be there (lab/moto/patches/scaling.py), and nothing may come of it.
  autoscaling: [
    'AttachInstances',
    'BatchPutScheduledUpdateGroupAction',
    'ExecutePolicy',
    'PutScheduledUpdateGroupAction',
    'PutWarmPool',
  ],
};

export function isUnsupported(service: string, action: string): boolean {
  return UNSUPPORTED[service]?.includes(action) ?? false;
}

/** For the test that compares this list with the README. */
export function unsupportedActions(): readonly string[] {
  return Object.values(UNSUPPORTED).flat();
}
