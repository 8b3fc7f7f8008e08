import { base } from './concerns/base.ts';
import { runProvisioner } from './step.ts';

await runProvisioner(base);
