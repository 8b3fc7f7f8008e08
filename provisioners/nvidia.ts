import { nvidia } from './concerns/nvidia.ts';
import { runProvisioner } from './step.ts';

await runProvisioner(nvidia);
