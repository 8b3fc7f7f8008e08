import { verify } from './concerns/verify.ts';
import { runProvisioner } from './step.ts';

await runProvisioner(verify);
