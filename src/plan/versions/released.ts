import { askSource, versionUnknown } from './ask.ts';

/** Tags in a feed of GitHub, as it has them: newest first. */
export function tagsIn(feed: string): readonly string[] {
  return [...feed.matchAll(/href="[^"]*\/releases\/tag\/v?([^"/]+)"/g)].map(([, tag = '']) => tag);
}

export type Released = {
  readonly what: string;
  /** GitHub's feed of releases or tags: it needs no credentials, and has no limit a day that a few plans reach. */
  readonly feed: string;
  readonly wanted: RegExp;
  readonly urlOf: (version: string) => string;
};

/**
 * The newest released version whose file is there: a release is announced a while before its file is everywhere.
 *
 * @throws EcsHostError (outside) `VERSION_UNKNOWN`
 */
export async function newestReleased({ what, feed, wanted, urlOf }: Released): Promise<string> {
  const answer = await askSource(what, feed);
  if (!answer.ok) throw versionUnknown(what, `${feed} says HTTP ${answer.status}`);
  for (const version of tagsIn(await answer.text()).filter((tag) => wanted.test(tag))) {
    if ((await askSource(what, urlOf(version), { method: 'HEAD' })).ok) return version;
  }
  throw versionUnknown(what, `no version that ${feed} names has a file`);
}
