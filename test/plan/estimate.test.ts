import { EC2Client } from '@aws-sdk/client-ec2';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { estimateRows, pricesOf } from '../../src/plan/estimate.ts';
import { dollarsIn, livePrices } from '../../src/plan/live-prices.ts';

/** As GetProducts answers, cut to what is read. */
function answerOf(USD: string) {
  const terms = { OnDemand: { a: { priceDimensions: { b: { unit: 'Hrs', pricePerUnit: { USD } } } } } };
  return { FormatVersion: 'aws_v1', PriceList: [JSON.stringify({ product: {}, terms })] };
}

describe('what a run costs', () => {
  test('is the instance of the bake and the two of its proof, for as long as the last runs took', () => {
    const prices = pricesOf(['g4dn.xlarge'], 'us-east-2', new Map());
    expect(estimateRows({ bakeMs: 1800_000, smokeMs: 900_000, prices })).toEqual([
      ['time', 'a bake 30 min 00 s, its proof 15 min 00 s, by the last runs on this machine'],
      ['price', 'g4dn.xlarge: $0.526 an hour (list of 2026-07), about $0.526 for such a run'],
    ]);
  });

  test('is not made up', () => {
    const prices = pricesOf(['g4dn.xlarge', 'x9.large'], 'eu-west-1', new Map([['x9.large', 2]]));
    expect(estimateRows({ bakeMs: null, smokeMs: null, prices }).map(([, text]) => text)).toEqual([
      'not known: no such run has ended well on this machine',
      'g4dn.xlarge: not known; see aws.amazon.com/ec2/pricing',
      'x9.large: $2.00 an hour (list of now)',
    ]);
    expect(estimateRows({ bakeMs: null, smokeMs: null, prices: null })[1]).toEqual([
      'price',
      'nothing: it runs on this machine',
    ]);
  });
});

describe('the live price list', () => {
  afterEach(() => vi.unstubAllGlobals());
  const ec2 = new EC2Client({ region: 'eu-west-1', credentials: { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 's' } });

  test('is asked with a signature for its own service and region', async () => {
    const asked: { url: string; init: RequestInit }[] = [];
    vi.stubGlobal('fetch', async (url: string, init: RequestInit) => {
      asked.push({ url, init });
      return Response.json(answerOf('0.5260000000'));
    });
    expect(await livePrices(ec2, ['g4dn.xlarge'], 'eu-west-1')).toEqual(new Map([['g4dn.xlarge', 0.526]]));
    const headers = asked[0]?.init.headers as Record<string, string>;
    expect(headers['authorization']).toMatch(/Credential=AKIDEXAMPLE\/\d{8}\/us-east-1\/pricing\/aws4_request/);
    expect(JSON.parse(String(asked[0]?.init.body)).Filters).toContainEqual({
      ...{ Type: 'TERM_MATCH', Field: 'regionCode', Value: 'eu-west-1' },
    });
  });

  test.each<[string, () => Promise<Response>]>([
    ['refuses', async () => Response.json({ __type: 'AccessDeniedException' }, { status: 400 })],
    ['is not reached', () => Promise.reject(new TypeError('fetch failed'))],
    ['knows none', async () => Response.json({ PriceList: [] })],
    ['answers nonsense', async () => Response.json({ PriceList: ['{'] })],
  ])('that %s leaves the list of this version', async (_what, answer) => {
    vi.stubGlobal('fetch', answer);
    expect(await livePrices(ec2, ['g4dn.xlarge'], 'eu-west-1')).toEqual(new Map());
  });

  test('has no price of nothing', () => {
    expect(dollarsIn(answerOf('0.0000000000'))).toBeNull();
    expect(dollarsIn(null)).toBeNull();
  });
});
