/** What a kernel module says of itself, as `modinfo` shows it, and what it gives to others. */
export type ModuleFacts = {
  readonly name: string;
  /** In the order in which `modinfo` is to show them; may repeat a tag. */
  readonly info: readonly (readonly [tag: string, text: string])[];
  /** Symbols for other modules. */
  readonly exports: readonly string[];
  /** Symbols of other modules; `depmod` finds by them which modules it needs. */
  readonly imports: readonly string[];
};

const HEADER_BYTES = 64;
const SECTION_HEADER_BYTES = 64;
const SYMBOL_BYTES = 24;
const TYPE = { progbits: 1, symtab: 2, strtab: 3 } as const;
const RELOCATABLE = 1;
const X86_64 = 62;
const GLOBAL_UNDEFINED = 0x10;

type Section = {
  readonly name: string;
  readonly type: number;
  readonly content: Buffer;
  /** For symbols: the section with their names. */
  readonly link?: number;
  readonly entryBytes?: number;
};

/** Strings with their ends, and where each begins. The first is the empty one. */
function stringTable(texts: readonly string[]): { readonly content: Buffer; readonly at: readonly number[] } {
  const at: number[] = [];
  let length = 1;
  for (const text of texts) {
    at.push(length);
    length += Buffer.byteLength(text) + 1;
  }
  return { content: Buffer.from(`\0${texts.map((text) => `${text}\0`).join('')}`), at };
}

function terminated(texts: readonly string[]): Buffer {
  return Buffer.from(texts.map((text) => `${text}\0`).join(''));
}

function sectionsOf({ info, exports, imports }: ModuleFacts): Section[] {
  const names = stringTable(imports);
  const symbols = Buffer.alloc(SYMBOL_BYTES * (1 + imports.length));
  for (const [index, at] of names.at.entries()) {
    const offset = SYMBOL_BYTES * (1 + index);
    symbols.writeUInt32LE(at, offset);
    symbols.writeUInt8(GLOBAL_UNDEFINED, offset + 4);
  }
  return [
    { name: '.modinfo', type: TYPE.progbits, content: terminated(info.map(([tag, text]) => `${tag}=${text}`)) },
    { name: '__ksymtab_strings', type: TYPE.progbits, content: terminated(exports) },
    { name: '.symtab', type: TYPE.symtab, content: symbols, link: 4, entryBytes: SYMBOL_BYTES },
    { name: '.strtab', type: TYPE.strtab, content: names.content },
  ];
}

/** Pure: a relocatable object of ELF64 for x86-64 with no code in it. */
export function moduleFile(facts: ModuleFacts): Buffer {
  const sections = sectionsOf(facts);
  const names = stringTable([...sections.map(({ name }) => name), '.shstrtab']);
  sections.push({ name: '.shstrtab', type: TYPE.strtab, content: names.content });
  const header = Buffer.alloc(HEADER_BYTES);
  // Magic number, 64 bits, little-endian, version 1.
  header.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  header.writeUInt16LE(RELOCATABLE, 16);
  header.writeUInt16LE(X86_64, 18);
  header.writeUInt32LE(1, 20);
  header.writeUInt16LE(HEADER_BYTES, 52);
  header.writeUInt16LE(SECTION_HEADER_BYTES, 58);
  header.writeUInt16LE(sections.length + 1, 60);
  header.writeUInt16LE(sections.length, 62);

  const table = [Buffer.alloc(SECTION_HEADER_BYTES)];
  const contents: Buffer[] = [];
  let offset = HEADER_BYTES;
  for (const [index, { type, content, link = 0, entryBytes = 0 }] of sections.entries()) {
    const entry = Buffer.alloc(SECTION_HEADER_BYTES);
    entry.writeUInt32LE(names.at[index] ?? 0, 0);
    entry.writeUInt32LE(type, 4);
    entry.writeBigUInt64LE(BigInt(offset), 24);
    entry.writeBigUInt64LE(BigInt(content.length), 32);
    entry.writeUInt32LE(link, 40);
    // Of symbols: the first that is not local.
    entry.writeUInt32LE(type === TYPE.symtab ? 1 : 0, 44);
    entry.writeBigUInt64LE(8n, 48);
    entry.writeBigUInt64LE(BigInt(entryBytes), 56);
    table.push(entry);
    const padded = Buffer.alloc(Math.ceil(content.length / 8) * 8);
    content.copy(padded);
    contents.push(padded);
    offset += padded.length;
  }
  header.writeBigUInt64LE(BigInt(offset), 40);
  return Buffer.concat([header, ...contents, ...table]);
}
