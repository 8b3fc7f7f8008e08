/** What the metadata service tells the agent; version 2 only. */
export type Instance = {
  readonly region: string;
  readonly document: string;
  readonly signature: string;
  readonly credentials: {
    readonly accessKeyId: string;
    readonly secretAccessKey: string;
    readonly sessionToken: string;
  };
};

async function ask(endpoint: string, path: string, init: RequestInit): Promise<string> {
  const answer = await fetch(`${endpoint}/latest/${path}`, { ...init, signal: AbortSignal.timeout(3000) });
  if (!answer.ok) throw new Error(`metadata ${path}: HTTP ${answer.status}`);
  return answer.text();
}

export async function readInstance(endpoint = 'http://169.254.169.254'): Promise<Instance> {
  const token = await ask(endpoint, 'api/token', {
    method: 'PUT',
    headers: { 'X-aws-ec2-metadata-token-ttl-seconds': '600' },
  });
  const get = (path: string): Promise<string> =>
    ask(endpoint, path, { headers: { 'X-aws-ec2-metadata-token': token } });
  const [document, signature, role] = await Promise.all([
    get('dynamic/instance-identity/document'),
    get('dynamic/instance-identity/signature'),
    get('meta-data/iam/security-credentials/'),
  ]);
  const keys = JSON.parse(await get(`meta-data/iam/security-credentials/${role.trim()}`)) as Record<string, string>;
  return {
    region: (JSON.parse(document) as { region: string }).region,
    document,
    signature,
    credentials: {
      accessKeyId: keys['AccessKeyId'] ?? '',
      secretAccessKey: keys['SecretAccessKey'] ?? '',
      sessionToken: keys['Token'] ?? '',
    },
  };
}
