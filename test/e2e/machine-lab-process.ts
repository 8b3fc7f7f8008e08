import { startMachineLab } from './machine-lab.ts';

/**
 * A lab in a process that a test can kill: one machine with two disks, then `up <address>` on stdout, then nothing for
 * ever.
 */
const [keyFile = '', instanceId = ''] = process.argv.slice(2);
const lab = await startMachineLab(keyFile);
const address = await lab.launch(instanceId, { volumes: [{ diskId: 'vol-data', deviceName: '/dev/sdf' }] });
process.stdout.write(`up ${address}\n`);
setInterval(() => {}, 60_000);
