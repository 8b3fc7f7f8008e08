import { hostService } from './concerns/host-service.ts';
import { runProvisioner } from './step.ts';

await runProvisioner(hostService);
