import { afterEach, beforeAll, beforeEach } from 'vitest';
import { type IdentityAuthority, makeIdentityAuthority } from '../fixtures/host.ts';
import { createWorld, type World } from '../fixtures/host-service.ts';

/** What is around the host service of the test that runs. */
export let world: World;

export function worldForEachTest(): void {
  let authority: IdentityAuthority;
  beforeAll(async () => {
    authority = await makeIdentityAuthority();
  });
  beforeEach(async () => {
    world = await createWorld(authority);
  });
  afterEach(() => world[Symbol.asyncDispose]());
}
