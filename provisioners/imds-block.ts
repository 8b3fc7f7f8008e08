import { imdsBlock } from './concerns/imds-block.ts';
import { runProvisioner } from './step.ts';

await runProvisioner(imdsBlock);
