import { describe, expect, test } from 'vitest';
import { parseConfig } from '../../src/config/load.ts';
import { EcsHostError } from '../../src/io/errors.ts';
import { changed } from './shipped.ts';

/** What slips of an editor do to one line. */
const SLIPS: Readonly<Record<string, (line: string) => string[]>> = {
  'is gone': () => [],
  'stands twice': (line) => [line, line],
  'is two columns too far left': (line) => [line.replace(/^ {2}/, '')],
  'is one column too far right': (line) => [` ${line}`],
  'is two columns too far right': (line) => [`  ${line}`],
  'begins with a tab': (line) => [`\t${line}`],
  'has no colon': (line) => [line.replace(':', '')],
  'has no space behind the colon': (line) => [line.replace(': ', ':')],
  'has a key with another letter': (line) => [line.replace(':', 'x:')],
};

/**
 * A section without its first line is many keys in a mapping of another kind; nobody can say more than that for each of
 * them.
 */
const SECTION = /^( {2}\S+|regions|profiles|version|\s*workload):/;

/** With the keys that the shipped file leaves out. */
const text = changed(
  'instanceType: t3.large',
  'instanceTypes:\n      - t3.large\n      - t3.xlarge',
  changed(
    '  us-east-1:\n',
    `  us-east-1:
    vpcId: vpc-0123456789abcdef0
    subnetIds:
      - subnet-0123456789abcdef0
      - subnet-0123abcd
    buildInstanceProfile: ecs-host-build
    kmsKey: alias/ecs-host
`,
  ),
);
const lines = text.split('\n');
const slipped = Object.entries(SLIPS).flatMap(([name, slip]) =>
  lines.flatMap((line, at) =>
    line.trim() === '' || line.trim().startsWith('#')
      ? []
      : [
          {
            name: `line ${at + 1} ${name}: ${line}`,
            line,
            text: [...lines.slice(0, at), ...slip(line), ...lines.slice(at + 1)].join('\n'),
          },
        ],
  ),
);

describe('a slip in one line', () => {
  const results = slipped.map(({ name, line, text }) => {
    try {
      parseConfig(text, 'hosts.yaml');
      return { name, line, details: [] };
    } catch (error) {
      if (error instanceof EcsHostError) return { name, line, details: error.details };
      throw new Error(name, { cause: error });
    }
  });

  test('is one mistake', () => {
    const several = results.filter(({ line, details }) => !SECTION.test(line) && details.length > 1);
    expect(
      several.map(({ name, details }) => [name, ...details.map(({ key, reason }) => `${key}: ${reason}`)]),
    ).toEqual([]);
  });

  test('is told with a place, a code and a hint', () => {
    for (const detail of results.flatMap(({ details }) => details)) {
      expect(detail).toMatchObject({
        where: expect.stringMatching(/^hosts\.yaml:[1-9]\d*:[1-9]\d*$/),
        code: expect.stringMatching(/^[A-Z][A-Z0-9_]+$/),
        hint: expect.stringMatching(/^(?!.*(undefined|NaN|\[object)).*\S/),
        reason: expect.stringMatching(/^(?!.*(undefined|NaN|\[object)).*\S/),
      });
    }
  });

  test('never gives more than a screen', () => {
    for (const { name, details } of results) expect([name, details.length <= 8]).toEqual([name, true]);
  });
});
