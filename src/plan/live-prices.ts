import type { EC2Client } from '@aws-sdk/client-ec2';

/** AWS's price list has an API in few regions; this one knows the prices of all. */
const HOST = 'api.pricing.us-east-1.amazonaws.com';
const TIMEOUT_MS = 3000;

type Offer = {
  readonly terms?: {
    readonly OnDemand?: Record<
      string,
      { readonly priceDimensions?: Record<string, { pricePerUnit?: { USD?: string } }> }
    >;
  };
};

function bodyFor(instanceType: string, apiRegion: string): string {
  const fields = {
    instanceType,
    regionCode: apiRegion,
    operatingSystem: 'Linux',
    preInstalledSw: 'NA',
    tenancy: 'Shared',
    capacitystatus: 'Used',
  };
  const Filters = Object.entries(fields).map(([Field, Value]) => ({ Type: 'TERM_MATCH', Field, Value }));
  return JSON.stringify({ ServiceCode: 'AmazonEC2', FormatVersion: 'aws_v1', MaxResults: 1, Filters });
}

/** The US dollars an hour in an answer of GetProducts; null when it has none. */
export function dollarsIn(answer: unknown): number | null {
  const [first] = (answer as { PriceList?: readonly unknown[] } | null)?.PriceList ?? [];
  if (typeof first !== 'string') return null;
  const [term] = Object.values((JSON.parse(first) as Offer).terms?.OnDemand ?? {});
  const [dimension] = Object.values(term?.priceDimensions ?? {});
  const dollars = Number(dimension?.pricePerUnit?.USD);
  return Number.isFinite(dollars) && dollars > 0 ? dollars : null;
}

/** Signed as the SDK signs, by the client that is there: a client of its own for one call is 2 MB more to install. */
async function ask(ec2: EC2Client, instanceType: string, apiRegion: string): Promise<number | null> {
  const signer = await ec2.config.signer({
    ...{ name: 'sigv4', signingName: 'pricing', signingRegion: 'us-east-1', properties: {} },
  });
  const body = bodyFor(instanceType, apiRegion);
  const signed = await signer.sign({
    ...{ method: 'POST', protocol: 'https:', hostname: HOST, path: '/', query: {}, body },
    headers: {
      host: HOST,
      'content-type': 'application/x-amz-json-1.1',
      'x-amz-target': 'AWSPriceListService.GetProducts',
    },
  });
  const { host: _, ...headers } = signed.headers;
  const answer = await fetch(`https://${HOST}/`, {
    ...{ method: 'POST', headers, body, signal: AbortSignal.timeout(TIMEOUT_MS) },
  });
  return answer.ok ? dollarsIn(await answer.json()) : null;
}

/**
 * What types cost an hour by AWS's own price list of now. Types are missing whose price cannot be had, for whatever
 * reason: a price is for the eye, and nothing waits or fails for it.
 */
export async function livePrices(
  ec2: EC2Client,
  instanceTypes: readonly string[],
  apiRegion: string,
): Promise<ReadonlyMap<string, number>> {
  const asked = await Promise.all(
    instanceTypes.map(async (type) => [type, await ask(ec2, type, apiRegion).catch(() => null)] as const),
  );
  return new Map(asked.flatMap(([type, dollars]) => (dollars === null ? [] : [[type, dollars] as const])));
}
