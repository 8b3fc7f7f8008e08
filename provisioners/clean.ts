import { clean } from './concerns/clean.ts';
import { runProvisioner } from './step.ts';

await runProvisioner(clean);
