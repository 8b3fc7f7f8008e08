import { ecsAgent } from './concerns/ecs-agent.ts';
import { runProvisioner } from './step.ts';

await runProvisioner(ecsAgent);
