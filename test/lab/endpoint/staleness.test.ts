import { describe, expect, test } from 'vitest';
import type { Answer } from '../../../lab/endpoint/aws-answer.ts';
import { errorCodeOf } from '../../../lab/endpoint/aws-answer.ts';
import type { AwsRequest } from '../../../lab/endpoint/aws-request.ts';
import { itemsOf, replaceItems } from '../../../lab/endpoint/item-sets.ts';
import { parseStaleness, Staleness } from '../../../lab/endpoint/staleness.ts';

function call(action: string, parameters: Record<string, string> = {}): AwsRequest {
  return { service: 'ec2', region: 'us-west-2', accessKeyId: 'lab', action, protocol: 'ec2', parameters };
}
function answer(body: string): Answer {
  return { status: 200, headers: {}, body: Buffer.from(body) };
}
function instances(...items: [id: string, state: string][]): Answer {
  const of = ([id, state]: [string, string]): string =>
    '<item><reservationId>r-1</reservationId><groupSet><item><groupId>sg-1</groupId></item></groupSet><instancesSet>' +
    `<item><instanceId>${id}</instanceId><instanceState><name>${state}</name></instanceState></item>` +
    '</instancesSet></item>';
  return answer(`<R><reservationSet>${items.map(of).join('')}</reservationSet></R>`);
}
const BY_ID = call('DescribeInstances', { 'InstanceId.1': 'i-1' });

/** Always the longest lag: what is drawn is from 0 to the number given, so a seed is looked for. */
function lagging(calls: number, clock = { ms: 0 }): Staleness {
  for (let seed = 0; ; seed += 1) {
    const staleness = new Staleness(() => clock.ms);
    staleness.set(parseStaleness({ seed, calls, seconds: 10_000 }));
    staleness.age(call('RunInstances'), instances(['i-1', 'pending']));
    let unknown = 0;
    while (errorCodeOf(staleness.age(BY_ID, instances(['i-1', 'pending']))) !== undefined) unknown += 1;
    if (unknown !== calls) continue;
    staleness.set(parseStaleness({ seed, calls, seconds: 10_000 }));
    staleness.age(call('RunInstances'), instances(['i-1', 'pending']));
    return staleness;
  }
}

describe('staleness', () => {
  test('a new id is unknown for so many calls, to whatever names it', () => {
    const staleness = lagging(3);
    expect(errorCodeOf(staleness.age(BY_ID, instances(['i-1', 'pending'])))).toBe('InvalidInstanceID.NotFound');
    const terminate = call('TerminateInstances', { 'InstanceId.1': 'i-1' });
    expect(errorCodeOf(staleness.refusal(terminate) ?? answer(''))).toBe('InvalidInstanceID.NotFound');
    expect(errorCodeOf(staleness.refusal(call('CreateTags', { 'ResourceId.1': 'i-1' })) ?? answer(''))).toBe(
      'InvalidInstanceID.NotFound',
    );
    expect(staleness.refusal(terminate)).toBeNull();
    expect(staleness.age(BY_ID, instances(['i-1', 'running'])).body.toString()).toContain('running');
  });

  test('and is missing in lists', () => {
    const staleness = lagging(2);
    const both = instances(['i-1', 'pending'], ['i-2', 'running']);
    const listed = staleness.age(call('DescribeInstances'), both).body.toString();
    expect(listed).not.toContain('i-1');
    expect(listed).toContain('i-2');
  });

  test('is known when the time is over, however few asked', () => {
    const clock = { ms: 0 };
    const staleness = lagging(3, clock);
    clock.ms = 10_000_001;
    expect(errorCodeOf(staleness.age(BY_ID, instances(['i-1', 'pending'])))).toBeUndefined();
  });

  test('an old state is shown for a while, and never an older one after a newer', () => {
    const clock = { ms: 0 };
    const staleness = new Staleness(() => clock.ms);
    staleness.set(parseStaleness({ seed: 4, calls: 50, seconds: 10 }));
    staleness.age(BY_ID, instances(['i-1', 'pending']));
    const seen: string[] = [];
    for (const state of ['running', 'stopping', 'stopped'])
      for (let n = 0; n < 60; n += 1) {
        const body = staleness.age(BY_ID, instances(['i-1', state])).body.toString();
        seen.push(/<name>(\w+)</.exec(body)?.[1] ?? '');
      }
    expect([...new Set(seen)]).toEqual(['pending', 'running', 'stopping', 'stopped'].filter((s) => seen.includes(s)));
    expect(seen[0]).toBe('pending');
    expect(seen.at(-1)).toBe('stopped');
    expect(seen.join(' ')).toMatch(/^(pending )+(running )*(stopping )*stopped/);
  });

  test('a tag that is not visible yet does not match', () => {
    const staleness = new Staleness(() => 0);
    staleness.set(parseStaleness({ seed: 4, calls: 50, seconds: 10 }));
    const image = (tags: string): Answer =>
      answer(`<R><imagesSet><item><imageId>ami-1</imageId><tagSet>${tags}</tagSet></item></imagesSet></R>`);
    staleness.age(call('DescribeImages'), image(''));
    const tagged = image('<item><key>ecs-host:verdict</key><value>passed</value></item>');
    const asked = call('DescribeImages', { 'Filter.1.Name': 'tag-key', 'Filter.1.Value.1': 'ecs-host:verdict' });
    expect(staleness.age(asked, tagged).body.toString()).not.toContain('ami-1');
    expect(staleness.age(call('DescribeImages'), tagged).body.toString()).not.toContain('verdict');
  });

  test('the same seed lags the same', () => {
    const run = (seed: number): string => {
      const staleness = new Staleness(() => 0);
      staleness.set(parseStaleness({ seed, calls: 9, seconds: 100 }));
      const codes: string[] = [];
      for (const id of ['i-1', 'i-2', 'i-3']) {
        staleness.age(call('RunInstances'), instances([id, 'pending']));
        for (let n = 0; n < 10; n += 1)
          codes.push(
            errorCodeOf(staleness.age(call('DescribeInstances', { 'InstanceId.1': id }), instances([id, 'pending']))) ??
              'ok',
          );
      }
      return codes.join();
    };
    expect(run(1)).toBe(run(1));
    expect(new Set([1, 2, 3, 4].map(run)).size).toBeGreaterThan(1);
  });

  test('images are known at once unless asked for otherwise; without settings all is fresh', () => {
    expect(parseStaleness({}).absent).not.toContain('image');
    expect(parseStaleness({ absent: ['image'] }).absent).toEqual(['image']);
    const staleness = new Staleness(() => 0);
    staleness.age(call('RunInstances'), instances(['i-1', 'pending']));
    expect(errorCodeOf(staleness.age(BY_ID, instances(['i-1', 'pending'])))).toBeUndefined();
  });

  test.each([
    [null, 'object'],
    [{ seed: -1 }, 'seed'],
    [{ calls: 'x' }, 'calls'],
    [{ absent: ['bucket'] }, 'absent'],
  ])('%j is refused', (value, reason) => {
    expect(() => parseStaleness(value)).toThrow(reason);
  });
});

describe('items of a set', () => {
  const xml = '<R><a><item/></a><set><item>1<in><item>x</item></in>2</item><item>3</item></set><b/></R>';

  test('are found with what is inside, and apart from it', () => {
    expect(itemsOf(xml, 'set')).toEqual([
      { text: '<item>1<in><item>x</item></in>2</item>', own: '1<in></in>2' },
      { text: '<item>3</item>', own: '3' },
    ]);
    expect(itemsOf(xml, 'none')).toEqual([]);
  });

  test('are replaced, and nothing else', () => {
    expect(replaceItems(xml, 'set', ['<item>4</item>'])).toBe('<R><a><item/></a><set><item>4</item></set><b/></R>');
    expect(replaceItems(xml, 'none', [])).toBe(xml);
  });
});
