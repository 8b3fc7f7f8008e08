import { describe, expect, test } from 'vitest';
import { explainEntries } from '../../src/audit/explain.ts';
import { explainInput, file, type Item, installed, link, MERGED, ruled, unread, view } from './image.ts';

const items = [
  ...MERGED,
  ...installed([
    { name: 'docbook', files: { '/usr/share/xml/docbook/catalog.xml': 'x', '/etc/sgml/docbook.cat': 'x' } },
  ]),
];

function judged(item: Item, base: readonly Item[] = []): string | null {
  return ruled(item.entry.path, view([...items, item], base));
}

function xml(line: string): string {
  return [
    '<?xml version="1.0"?>',
    '<!DOCTYPE catalog PUBLIC "-//OASIS//DTD XML Catalogs V1.0//EN"',
    '  "file:///usr/share/xml/docbook/catalog.xml">',
    '<catalog xmlns="urn:oasis:names:tc:entity:xmlns:xml:catalog">',
    line,
    '</catalog>',
    '',
  ].join('\n');
}

function delegate(catalog: string): string {
  return `<delegatePublic publicIdStartString="-//OASIS//x" catalog="${catalog}"/>`;
}

describe('a catalog of XML', () => {
  test('names what packages bring, the base image has, or is a catalog itself', () => {
    expect(judged(file('/etc/xml/catalog', xml(delegate('file:///usr/share/xml/docbook/catalog.xml'))))).toBeNull();
    expect(judged(file('/etc/xml/catalog', xml(delegate('file:///etc/xml/docbook.xml'))))).toBeNull();
    const base = [file('/opt/catalog.xml')];
    expect(judged(file('/etc/xml/catalog', xml(delegate('file:///opt/catalog.xml'))), base)).toBeNull();
  });

  test('has its parts in lists of xml-core', () => {
    const part = (catalog: string): Item =>
      file('/var/lib/xml-core/docbook', `<delegatePublic publicIdStartString="-//OASIS//x"><catalog="${catalog}">\n`);
    expect(judged(part('file:///usr/share/xml/docbook/catalog.xml'))).toBeNull();
    expect(judged(part('file:///srv/evil.xml'))).toBe('it names /srv/evil.xml');
    expect(judged(part('http://evil.example/x.xml'))).not.toBeNull();
    expect(judged(part('/srv/evil.xml'))).not.toBeNull();
  });

  test.each([
    'file:///srv/evil.xml',
    'file:///tmp/evil.xml',
    'file:///usr/share/xml/docbook/../../../../tmp/evil.xml',
    'file:///etc/xml/../../tmp/x.xml',
  ])('does not name %s', (catalog) => {
    expect(judged(file('/etc/xml/catalog', xml(delegate(catalog))))).toMatch(/^it names /);
  });

  test.each(['http://evil.example/x.xml', 'file://evil.example/x.xml', '/srv/evil.xml', 'evil.xml', 'FILE:///srv/x'])(
    'does not name %s, which is no file of the machine by its whole name',
    (catalog) => {
      expect(judged(file('/etc/xml/catalog', xml(delegate(catalog))))).not.toBeNull();
    },
  );

  test.each(['#!/bin/sh\npayload\n', 'payload', `${xml('')}payload\n`, `\0\x01\x02`])('is one: not %j', (text) => {
    for (const path of ['/etc/xml/payload', '/var/lib/xml-core/payload'])
      expect([path, judged(file(path, text))]).not.toEqual([path, null]);
  });

  test('cannot be run', () => {
    const item = file('/etc/xml/x', xml(''), { mode: 0o755 });
    expect(explainEntries(explainInput([...items, item])).explainers.has('/etc/xml/x')).toBe(false);
  });

  test('is a file, whose content is known, in its folder', () => {
    expect(judged(unread('/etc/xml/x'))).toBe('its content is not known');
    for (const item of [link('/etc/xml/x', '/tmp/x'), file('/etc/xml/a/b', xml('')), file('/etc/xml2/x', xml(''))])
      expect(judged(item)).toBe('no rule');
  });
});

describe('a catalog of SGML', () => {
  const path = '/var/lib/sgml-base/supercatalog';

  test('names catalogs of packages', () => {
    expect(
      judged(
        file(
          path,
          `--\n## This file is created by update-catalog with update-super.\n--\nCATALOG /etc/sgml/docbook.cat\n`,
        ),
      ),
    ).toBeNull();
    expect(judged(file(path, 'CATALOG /srv/evil.cat\n'))).toBe('it names /srv/evil.cat');
    expect(judged(file('/etc/sgml/catalog.old', 'CATALOG /etc/sgml/docbook.cat\n'))).toBeNull();
  });

  test.each([
    'CATALOG "/srv/evil.cat"\n',
    'catalog /srv/evil.cat\n',
    '  CATALOG /srv/evil.cat\n',
    'SYSTEM "x" "/srv/evil"\n',
  ])('names them in no other way: %j', (text) => {
    expect(judged(file(path, text))).not.toBeNull();
  });

  test('is where /etc/sgml/catalog leads', () => {
    expect(judged(link('/etc/sgml/catalog', path))).toBeNull();
    expect(judged(link('/etc/sgml/catalog', '/tmp/catalog'))).toBe('it leads elsewhere');
  });
});
