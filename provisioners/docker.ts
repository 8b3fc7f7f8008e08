import { docker } from './concerns/docker.ts';
import { runProvisioner } from './step.ts';

await runProvisioner(docker);
