import { recordVersions } from './concerns/record-versions.ts';
import { runProvisioner } from './step.ts';

await runProvisioner(recordVersions);
