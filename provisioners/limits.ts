import { limits } from './concerns/limits.ts';
import { runProvisioner } from './step.ts';

await runProvisioner(limits);
