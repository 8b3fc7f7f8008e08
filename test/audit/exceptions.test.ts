import { describe, expect, test } from 'vitest';
import { type Exception, isExpired, sift } from '../../src/audit/exceptions.ts';

const NOW = new Date('2026-11-27T12:00:00Z');

function exception(path: string, expires = '2026-12-31'): Exception {
  return { path, expires, reason: 'ours' };
}

function sifted(paths: readonly string[], exceptions: readonly Exception[]) {
  const all = paths.map((path) => ({ path }));
  const { findings, excepted, unneeded } = sift(all, exceptions, NOW);
  const names = (some: readonly { readonly path: string }[]) => some.map(({ path }) => path);
  return { findings: names(findings), excepted: names(excepted), unneeded: names(unneeded) };
}

describe('an exception', () => {
  test('is of its very path', () => {
    const paths = ['/srv/data', '/srv/data/x', '/srv/data2', '/srv', '/x/srv/data', '/srv/DATA'];
    expect(sifted(paths, [exception('/srv/data')])).toEqual({
      findings: paths.slice(1),
      excepted: ['/srv/data'],
      unneeded: [],
    });
  });

  test('is of what is below a folder, and not of the folder', () => {
    const below = ['/srv/data/x', '/srv/data/x/y'];
    const others = ['/srv/data', '/srv/data2/x', '/srv/x', '/x/srv/data/x'];
    expect(sifted([...below, ...others], [exception('/srv/data/**')])).toEqual({
      findings: others,
      excepted: below,
      unneeded: [],
    });
  });

  test.each(['/srv/*', '/srv/*/x', '/srv/**/x', '**', '/srv/data?', '/srv/data/'])(
    'has no other pattern: %s',
    (path) => {
      expect(sifted(['/srv/a', '/srv/a/x', '/srv/datax'], [exception(path)]).excepted).toEqual([]);
    },
  );

  test('may be of a partition or a volume', () => {
    const paths = ['partition 3', 'volume /dev/sdb'];
    expect(
      sifted(
        paths,
        paths.map((path) => exception(path)),
      ).excepted,
    ).toEqual(paths);
  });

  test('that nothing needed is told, each by itself', () => {
    const all = [exception('/a'), exception('/b/**'), exception('/c')];
    expect(sifted(['/a', '/b'], all).unneeded).toEqual(['/b/**', '/c']);
  });

  test('that is over lets nothing pass, and is no unneeded one while something would need it', () => {
    const over = exception('/a', '2026-11-26');
    expect(sifted(['/a'], [over])).toEqual({ findings: ['/a'], excepted: [], unneeded: [] });
    expect(sifted(['/b'], [over]).unneeded).toEqual(['/a']);
  });

  test('that is over does not stop another one', () => {
    expect(sifted(['/a'], [exception('/a', '2026-11-26'), exception('/a')]).excepted).toEqual(['/a']);
  });
});

describe('the last day', () => {
  test.each([
    ['2026-11-27T00:00:00Z', false],
    ['2026-11-27T23:59:59.999Z', false],
    ['2026-11-28T00:00:00Z', true],
    ['2027-01-01T00:00:00Z', true],
    // Still the 27th in UTC.
    ['2026-11-28T01:00:00+02:00', false],
  ])('is whole, in UTC: %s', (now, isOver) => {
    expect(isExpired({ expires: '2026-11-27' }, new Date(now))).toBe(isOver);
  });
});
