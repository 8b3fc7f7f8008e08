const LIMIT_MS = 5000;

/** Asks the daemon on its own paths. @throws Error when it does not answer in time, or not with 200 */
export async function askDaemon<T>(endpoint: string, path: string, body?: unknown): Promise<T> {
  const response = await fetch(`${endpoint}/_lab/${path}`, {
    signal: AbortSignal.timeout(LIMIT_MS),
    ...(body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) }),
  });
  if (!response.ok) throw new Error(`the lab answered ${response.status} to ${path}`);
  return (await response.json()) as T;
}
