import { userTools } from './concerns/user-tools.ts';
import { runProvisioner } from './step.ts';

await runProvisioner(userTools);
