import { createHash } from 'node:crypto';
import type { Answer } from './aws-answer.ts';
import { errorAnswer } from './aws-answer.ts';
import type { AwsRequest } from './aws-request.ts';
import { itemsOf, replaceItems } from './item-sets.ts';

/*
 * EC2 is eventually consistent: what was just made may not be known yet, and what just changed may still be shown as it
 * was. Here each thing lags behind by itself, and never goes back: what was shown once is not taken back for something
 * older.
 */

type Kind = 'instance' | 'image' | 'security-group' | 'volume' | 'snapshot' | 'key-pair';

type KindFacts = {
  readonly describe: string;
  readonly set: string;
  /** Of an item of the set; the instance of a reservation stands inside of it. */
  readonly id: RegExp;
  /** Calls that make one, and where its id is in their answers. */
  readonly makers: readonly string[];
  readonly made: RegExp;
  /** Parameters that name some. */
  readonly named: RegExp;
  readonly notFound: string;
};

const KINDS: Readonly<Record<Kind, KindFacts>> = {
  instance: {
    describe: 'DescribeInstances',
    set: 'reservationSet',
    id: /<instanceId>([^<]+)</,
    makers: ['RunInstances'],
    made: /<instanceId>([^<]+)</g,
    named: /^InstanceId(\.\d+)?$/,
    notFound: 'InvalidInstanceID.NotFound',
  },
  image: {
    describe: 'DescribeImages',
    set: 'imagesSet',
    id: /<imageId>([^<]+)</,
    makers: ['CreateImage', 'CopyImage', 'RegisterImage'],
    made: /<imageId>([^<]+)</g,
    named: /^ImageId(\.\d+)?$/,
    notFound: 'InvalidAMIID.NotFound',
  },
  'security-group': {
    describe: 'DescribeSecurityGroups',
    set: 'securityGroupInfo',
    id: /<groupId>([^<]+)</,
    makers: ['CreateSecurityGroup'],
    made: /<groupId>([^<]+)</g,
    named: /^(Security)?GroupId(\.\d+)?$/,
    notFound: 'InvalidGroup.NotFound',
  },
  volume: {
    describe: 'DescribeVolumes',
    set: 'volumeSet',
    id: /<volumeId>([^<]+)</,
    makers: ['CreateVolume'],
    made: /<volumeId>([^<]+)</g,
    named: /^VolumeId(\.\d+)?$/,
    notFound: 'InvalidVolume.NotFound',
  },
  snapshot: {
    describe: 'DescribeSnapshots',
    set: 'snapshotSet',
    id: /<snapshotId>([^<]+)</,
    makers: ['CreateSnapshot', 'CopySnapshot'],
    made: /<snapshotId>([^<]+)</g,
    named: /^SnapshotId(\.\d+)?$/,
    notFound: 'InvalidSnapshot.NotFound',
  },
  'key-pair': {
    describe: 'DescribeKeyPairs',
    set: 'keySet',
    id: /<keyName>([^<]+)</,
    makers: ['ImportKeyPair', 'CreateKeyPair'],
    made: /<keyName>([^<]+)</g,
    named: /^KeyName\.\d+$/,
    notFound: 'InvalidKeyPair.NotFound',
  },
};
const ALL = Object.keys(KINDS) as Kind[];
/** No version of Packer's amazon plugin asks again for an image that DescribeImages does not know yet. */
const ABSENT_AS_A_RULE: readonly Kind[] = ALL.filter((kind) => kind !== 'image');

export type StalenessSettings = {
  readonly seed: number;
  /** A thing lags for up to so many calls about it... */
  readonly calls: number;
  /** ...and no longer than this. */
  readonly seconds: number;
  /** Kinds whose new ids are unknown at first. */
  readonly absent: readonly Kind[];
};

const MOST = 10_000;

/**
 * Checks what was posted to /_lab/staleness.
 *
 * @throws TypeError with one sentence about the first thing that is wrong
 */
export function parseStaleness(value: unknown): StalenessSettings {
  if (value === null || typeof value !== 'object') throw new TypeError('staleness is a JSON object');
  const { seed = 1, calls = 3, seconds = 5, absent = ABSENT_AS_A_RULE } = value as Record<string, unknown>;
  for (const [name, number] of Object.entries({ seed, calls, seconds }))
    if (!Number.isInteger(number) || (number as number) < 0 || (number as number) > MOST)
      throw new TypeError(`${name}: a whole number, 0 to ${MOST}`);
  if (!Array.isArray(absent) || absent.some((kind) => !ALL.includes(kind as Kind)))
    throw new TypeError(`absent: a list of ${ALL.join(', ')}`);
  return { seed: seed as number, calls: calls as number, seconds: seconds as number, absent: absent as Kind[] };
}

type Lag = { callsLeft: number; readonly untilMs: number };

/** One thing as callers see it. */
class Thing {
  readonly name: string;
  /** null for not there yet. */
  shown: string | null;
  lag: Lag | null;
  changes = 0;

  constructor(name: string, shown: string | null) {
    this.name = name;
    this.shown = shown;
    this.lag = null;
  }

  /** Whether this call is answered as of before; counts it. */
  lags(nowMs: number): boolean {
    if (this.lag === null) return false;
    if (this.lag.callsLeft > 0 && nowMs < this.lag.untilMs) {
      this.lag.callsLeft -= 1;
      return true;
    }
    this.lag = null;
    return false;
  }
}

/** Tag filters, which look at what is shown, too. */
function hasAskedTags(item: string, parameters: AwsRequest['parameters']): boolean {
  const keys = Object.entries(parameters).flatMap(([name, value]) => {
    const filter = /^Filter\.(\d+)\.Name$/.exec(name)?.[1];
    if (filter === undefined) return [];
    if (value.startsWith('tag:')) return [value.slice(4)];
    return value === 'tag-key' ? [parameters[`Filter.${filter}.Value.1`] ?? ''] : [];
  });
  return keys.every((key) => item.includes(`<key>${key}</key>`));
}

export class Staleness {
  #settings: StalenessSettings | null = null;
  readonly #now: () => number;
  readonly #things = new Map<string, Thing>();
  readonly #made = new Map<Kind, number>();

  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  get settings(): StalenessSettings | null {
    return this.#settings;
  }

  /** From now on; null for answers that are always fresh. */
  set(settings: StalenessSettings | null): void {
    this.#settings = settings;
    this.#things.clear();
    this.#made.clear();
  }

  /** The refusal of a call that names something which is not known yet; null when it may go on. */
  refusal(call: AwsRequest): Answer | null {
    if (this.#settings === null || call.service !== 'ec2' || call.action.startsWith('Describe')) return null;
    for (const [name, value] of Object.entries(call.parameters))
      for (const facts of Object.values(KINDS)) {
        const isNamed = facts.named.test(name) || (name.startsWith('ResourceId.') && call.action.endsWith('Tags'));
        if (isNamed && this.#isAbsent(call.region, value, facts)) return notFound(facts, value);
      }
    return null;
  }

  /** The answer as of a moment ago. */
  age(call: AwsRequest, answer: Answer): Answer {
    if (this.#settings === null || call.service !== 'ec2' || answer.status !== 200) return answer;
    for (const kind of ALL) {
      const facts = KINDS[kind];
      if (facts.makers.includes(call.action)) this.#noteMade(kind, call.region, answer);
      if (facts.describe === call.action) return this.#ageSet(kind, call, answer);
    }
    return answer;
  }

  #noteMade(kind: Kind, region: string, answer: Answer): void {
    if (this.#settings?.absent.includes(kind) !== true) return;
    for (const [, id = ''] of answer.body.toString('utf8').matchAll(KINDS[kind].made)) {
      const key = keyOf(region, kind, id);
      if (this.#things.has(key)) continue;
      const thing = new Thing(this.#nameOf(kind), null);
      thing.lag = this.#draw(thing);
      this.#things.set(key, thing);
    }
  }

  #ageSet(kind: Kind, call: AwsRequest, answer: Answer): Answer {
    const facts = KINDS[kind];
    const text = answer.body.toString('utf8');
    const unknown: string[] = [];
    const items = itemsOf(text, facts.set).flatMap((fresh) => {
      const id = facts.id.exec(fresh.own)?.[1] ?? facts.id.exec(fresh.text)?.[1];
      if (id === undefined) return [fresh.text];
      const shown = this.#show(kind, keyOf(call.region, kind, id), fresh.text);
      if (shown === null) unknown.push(id);
      return shown === null || !hasAskedTags(shown, call.parameters) ? [] : [shown];
    });
    const named = Object.entries(call.parameters).filter(([name]) => facts.named.test(name));
    const missing = named.find(([, id]) => unknown.includes(id));
    if (missing !== undefined) return notFound(facts, missing[1]);
    return { ...answer, body: Buffer.from(replaceItems(text, facts.set, items)) };
  }

  /** What is shown of a thing now. @returns null when it is not there yet */
  #show(kind: Kind, key: string, fresh: string): string | null {
    let thing = this.#things.get(key);
    if (thing === undefined) {
      thing = new Thing(this.#nameOf(kind), fresh);
      this.#things.set(key, thing);
    }
    if (thing.shown === fresh) return fresh;
    // A change that was not seen before begins to lag now.
    if (thing.lag === null && thing.shown !== null) thing.lag = this.#draw(thing);
    if (thing.lags(this.#now())) return thing.shown;
    thing.shown = fresh;
    return fresh;
  }

  #isAbsent(region: string, id: string, facts: KindFacts): boolean {
    const kind = ALL.find((each) => KINDS[each] === facts) ?? 'instance';
    const thing = this.#things.get(keyOf(region, kind, id));
    return thing?.shown === null && thing.lags(this.#now());
  }

  /** By its number among its kind, since ids are others in each run. */
  #nameOf(kind: Kind): string {
    const number = (this.#made.get(kind) ?? 0) + 1;
    this.#made.set(kind, number);
    return `${kind} ${number}`;
  }

  #draw(thing: Thing): Lag {
    const { seed, calls, seconds } = this.#settings ?? { seed: 0, calls: 0, seconds: 0 };
    thing.changes += 1;
    const digest = createHash('sha256').update(`${seed} ${thing.name} ${thing.changes}`).digest();
    const callsLeft = digest.readUInt32LE(0) % (calls + 1);
    return { callsLeft, untilMs: this.#now() + (digest.readUInt32LE(4) % (seconds * 1000 + 1)) };
  }
}

function keyOf(region: string, kind: Kind, id: string): string {
  return `${region} ${kind} ${id}`;
}

function notFound({ notFound: code }: KindFacts, id: string): Answer {
  return errorAnswer('ec2', 400, code, `The ID '${id}' does not exist`);
}
