/** A call of a REST service, by the names that AWS's description gives it and its members. */
export type RestCall = { readonly action: string; readonly members: Readonly<Record<string, string | number>> };

const NUMBERS = new Set(['BlockIndex', 'MaxResults', 'StartingBlockIndex']);

/** Method, path, and where the members are: groups of the path, then the names of the query. */
const EBS = [
  {
    action: 'ListSnapshotBlocks',
    method: 'GET',
    path: /^\/snapshots\/(?<SnapshotId>[^/]+)\/blocks$/,
    query: { pageToken: 'NextToken', maxResults: 'MaxResults', startingBlockIndex: 'StartingBlockIndex' },
  },
  {
    action: 'GetSnapshotBlock',
    method: 'GET',
    path: /^\/snapshots\/(?<SnapshotId>[^/]+)\/blocks\/(?<BlockIndex>[^/]+)$/,
    query: { blockToken: 'BlockToken' },
  },
  {
    action: 'ListChangedBlocks',
    method: 'GET',
    path: /^\/snapshots\/(?<SecondSnapshotId>[^/]+)\/changedblocks$/,
    query: {
      firstSnapshotId: 'FirstSnapshotId',
      pageToken: 'NextToken',
      maxResults: 'MaxResults',
      startingBlockIndex: 'StartingBlockIndex',
    },
  },
  { action: 'StartSnapshot', method: 'POST', path: /^\/snapshots$/, query: {} },
  { action: 'PutSnapshotBlock', method: 'PUT', path: /^\/snapshots\/[^/]+\/blocks\/[^/]+$/, query: {} },
  { action: 'CompleteSnapshot', method: 'POST', path: /^\/snapshots\/completion\/[^/]+$/, query: {} },
] as const;

function typed(name: string, text: string): string | number {
  return NUMBERS.has(name) && /^-?\d+$/.test(text) ? Number(text) : text;
}

/** Reads a call of EBS's direct APIs; null when there is no such call. */
export function readEbsCall(method: string, url: URL): RestCall | null {
  for (const route of EBS) {
    const match = route.path.exec(url.pathname);
    if (route.method !== method || match === null) continue;
    const inPath = Object.entries(match.groups ?? {}).map(([name, text]) => [name, decodeURIComponent(text)] as const);
    const inQuery = Object.entries(route.query).flatMap(([sent, name]) => {
      const text = url.searchParams.get(sent);
      return text === null ? [] : [[name, text] as const];
    });
    const members = [...inPath, ...inQuery].map(([name, text]) => [name, typed(name, text)] as const);
    return { action: route.action, members: Object.fromEntries(members) };
  }
  return null;
}
