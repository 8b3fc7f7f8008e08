import { afterAll, afterEach, beforeAll } from 'vitest';
import { bootAttackedHost, endAttackedHost, mend } from './gate-attacks/attacked-host.ts';

// Each registers its tests here, where they share one machine; in this order.
import './gate-attacks/planted-files.attacks.ts';
import './gate-attacks/record.attacks.ts';
import './gate-attacks/webserver-away.attacks.ts';
import './gate-attacks/nobody-in-charge.attacks.ts';
import './gate-attacks/draining.attacks.ts';
import './gate-attacks/control-and-clock.attacks.ts';
import './gate-attacks/strangers.attacks.ts';

/**
 * Attacks on the gate, the host service and the protocol that once broke a promise, each as it was done, and what must hold against it. A1 to A19 are
 * their numbers in the report on them. One machine; each test leaves it serving.
 */
beforeAll(bootAttackedHost);
afterEach(async ({ task }) => {
  if (task.result?.state === 'fail') await mend();
});
afterAll(endAttackedHost);
