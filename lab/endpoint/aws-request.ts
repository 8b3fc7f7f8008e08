import { type RestCall, readEbsCall } from './rest-call.ts';

/** What the endpoint has to know about a call before it passes it on; nothing here checks a signature. */
export type AwsRequest = {
  /** Signing name: ec2, iam, ssm, ecs...; `unknown` when the call is not signed and says nothing else. */
  readonly service: string;
  readonly region: string;
  /** Who signed; empty when nobody did. */
  readonly accessKeyId: string;
  readonly action: string;
  readonly protocol: 'ec2' | 'query' | 'json' | 'rest' | 'other';
  /** Query protocols: the form as it came. JSON: top-level members that are scalars. REST: those of path and query. */
  readonly parameters: Readonly<Record<string, string>>;
  /** REST: the same with their types, for what the call is held to. */
  readonly members?: RestCall['members'];
};

export type RawRequest = {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Buffer;
};

const DEFAULT_REGION = 'us-east-1';

/** Unsigned calls are rare: the version of a query API names its service. */
const SERVICE_BY_VERSION: Readonly<Record<string, string>> = {
  '2016-11-15': 'ec2',
  '2010-05-08': 'iam',
  '2011-06-15': 'sts',
};

function text(value: string | string[] | undefined): string {
  return Array.isArray(value) ? (value[0] ?? '') : (value ?? '');
}

type Scope = { readonly accessKeyId: string; readonly service: string; readonly region: string };

/** Credential=KEY/20261123/us-west-2/ec2/aws4_request, in the header or, for a presigned call, in the query. */
function scopeOf(request: RawRequest, query: URLSearchParams): Scope | null {
  const credential =
    /Credential=([^,\s]+)/.exec(text(request.headers['authorization']))?.[1] ?? query.get('X-Amz-Credential') ?? '';
  const parts = credential.split('/');
  const region = parts[2];
  const service = parts[3];
  if (parts.length < 5 || !region || !service) return null;
  return { accessKeyId: parts[0] ?? '', service: service.toLowerCase(), region };
}

function scalars(body: Buffer): Record<string, string> {
  try {
    const parsed: unknown = JSON.parse(body.toString('utf8'));
    if (parsed === null || typeof parsed !== 'object') return {};
    return Object.fromEntries(
      Object.entries(parsed)
        .filter(([, value]) => ['string', 'number', 'boolean'].includes(typeof value))
        .map(([key, value]) => [key, String(value)]),
    );
  } catch {
    return {};
  }
}

/** Reads service, region and action out of one HTTP request. */
export function parseAwsRequest(request: RawRequest): AwsRequest {
  const url = new URL(request.path, 'http://lab');
  const query = url.searchParams;
  const scope = scopeOf(request, query);
  const target = text(request.headers['x-amz-target']);
  if (target !== '') {
    const [prefix = '', action = ''] = target.split('.');
    const guessed = prefix.startsWith('AmazonEC2ContainerService')
      ? 'ecs'
      : prefix.startsWith('AmazonSSM')
        ? 'ssm'
        : 'unknown';
    return {
      service: scope?.service ?? guessed,
      region: scope?.region ?? DEFAULT_REGION,
      accessKeyId: scope?.accessKeyId ?? '',
      action,
      protocol: 'json',
      parameters: scalars(request.body),
    };
  }
  const rest = scope?.service === 'ebs' ? readEbsCall(request.method, url) : null;
  if (scope && rest) {
    const parameters = Object.entries(rest.members).map(([name, value]) => [name, String(value)] as const);
    const { action, members } = rest;
    return { ...scope, action, protocol: 'rest', members, parameters: Object.fromEntries(parameters) };
  }
  const isForm = text(request.headers['content-type']).startsWith('application/x-www-form-urlencoded');
  const form = isForm ? new URLSearchParams(request.body.toString('utf8')) : query;
  const parameters = Object.fromEntries(form);
  const action = parameters['Action'] ?? '';
  const service = scope?.service ?? SERVICE_BY_VERSION[parameters['Version'] ?? ''] ?? 'unknown';
  return {
    service,
    region: scope?.region ?? DEFAULT_REGION,
    accessKeyId: scope?.accessKeyId ?? '',
    action,
    protocol: action === '' ? 'other' : service === 'ec2' ? 'ec2' : 'query',
    parameters,
  };
}
