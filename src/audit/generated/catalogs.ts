import { textOf } from '../audited.ts';
import { ownersOf } from '../packages.ts';
import { named, type Rule, type View } from './rule.ts';

/** Lists of document types, which update-catalog and update-xmlcatalog make of what packages bring. */
const COVERED = [
  /^\/etc\/xml\/[\w.-]+$/,
  /^\/etc\/sgml\/catalog(\.old)?$/,
  /^\/var\/lib\/xml-core\/[\w.-]+$/,
  /^\/var\/lib\/sgml-base\/supercatalog(\.old)?$/,
];

/** As their programs write them: every catalog is a file of the machine, by its whole name. */
const DELEGATE = '<delegate(?:Public|System|URI) (?:publicId|systemId|uri)StartString="[^"<>]*"';
const XML = new RegExp(
  `^<\\?xml version="1.0"\\?>\\n<!DOCTYPE catalog PUBLIC "[^"<>]*"\\n? *"file:///[^"<>]*">\\n<catalog [^<>]*>\\n(?:\\s*${DELEGATE} catalog="file:///[^"<>]*"/>\\n)*\\s*</catalog>\\n$`,
);
const PARTS = new RegExp(`^(?:${DELEGATE}><catalog="file:///[^"<>]*">\\n)*$`);
const SGML = /^(?:(?:--|## .*|CATALOG \/\S+)\n)*$/;

function isKnown(path: string, view: View): boolean {
  return ownersOf(path, view).length > 0 || view.base.entries.has(path) || COVERED.some((each) => each.test(path));
}

const CATALOGS: Rule = {
  by: 'update-catalog and update-xmlcatalog',
  covers: (path, { kind }) => kind === 'file' && COVERED.some((each) => each.test(path)),
  problem: ({ path, mode }, view) => {
    const text = textOf(view.image, path);
    if (text === null) return 'its content is not known';
    if ((mode & 0o111) !== 0) return 'it can be run';
    const form = path.startsWith('/etc/xml/') ? XML : path.includes('sgml') ? SGML : PARTS;
    if (!form.test(text)) return 'it is no such list';
    const files = [...text.matchAll(/"file:\/\/(\/[^"<>\s]+)"|^CATALOG (\/\S+)$/gm)].map(([, a, b]) => a ?? b ?? '');
    const strange = files.filter((each) => !isKnown(each, view));
    return strange.length === 0 ? null : `it names ${named(strange)}`;
  },
};

const LINK: Rule = {
  by: 'sgml-base',
  covers: (path) => path === '/etc/sgml/catalog',
  problem: ({ target }) => (target === '/var/lib/sgml-base/supercatalog' ? null : 'it leads elsewhere'),
};

export const OF_CATALOGS: readonly Rule[] = [CATALOGS, LINK];
