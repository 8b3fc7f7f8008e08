import { afterAll, beforeAll } from 'vitest';
import { bootTheHost, endTheHost, host, image, lab } from './hostd/the-host.ts';
import { describePowerOff } from './power-off.tests.ts';
import { describeWebserver } from './webserver-verb.tests.ts';

// Each registers its tests here, where they share one machine; in this order.
import './hostd/before-handshake.tests.ts';
import './hostd/granted.tests.ts';
import './hostd/docker-and-agent.tests.ts';
import './hostd/disk-clock-and-crash.tests.ts';
import './hostd/leaving.tests.ts';

/** The host service on a booted machine: everything that tries to walk around its gate, and every way to leave. */
beforeAll(bootTheHost);
afterAll(endTheHost);

describePowerOff(
  () => lab,
  () => image,
);

describeWebserver(
  () => lab,
  () => host,
);
