import { afterAll, afterEach, beforeAll } from 'vitest';
import { bootAttackedHost, endAttackedHost, mend } from './gate-attacks/attacked-host.ts';

// Each registers its tests here, where they share one machine; in this order.
import './gate-attacks/planted-files.tests.ts';
import './gate-attacks/record.tests.ts';
import './gate-attacks/webserver-away.tests.ts';
import './gate-attacks/nobody-in-charge.tests.ts';
import './gate-attacks/draining.tests.ts';
import './gate-attacks/control-and-clock.tests.ts';
import './gate-attacks/strangers.tests.ts';

/**
 * Attacks on the gate, the host service and the protocol that once broke a promise, each as it was done, and what must
 * hold against it. A1 to A19 are their numbers in the report on them. One machine; each test leaves it serving.
 */
beforeAll(bootAttackedHost);
afterEach(async ({ task }) => {
  if (task.result?.state === 'fail') await mend();
});
afterAll(endAttackedHost);
