/**
 * The lab's name server, as far as it needs one: it knows names that all lead to one address. The form is that of RFC
 * 1035; an unknown name is answered as one that does not exist, so that nothing in a machine waits for a time-out.
 */

const HEADER = 12;
const TYPE_A = 1;
const CLASS_IN = 1;
const TTL_S = 60;
/** It is an answer, and from the one who knows. */
const ANSWER = 0x8400;
const RECURSION_DESIRED = 0x0100;
const NO_SUCH_NAME = 3;
const NOT_OFFERED = 4;
const OPCODE = 0x7800;
/** A name that begins with this is the one at byte 12, that of the question. */
const SAME_NAME = 0xc000 | HEADER;

type Question = { readonly name: string; readonly type: number; readonly class: number; readonly end: number };

/** @returns null when it is no whole question */
function readQuestion(message: Buffer): Question | null {
  const labels: string[] = [];
  let at = HEADER;
  for (let length = message[at]; length !== 0; length = message[at]) {
    // A question holds its name as it is; a pointer (64 and above) has nothing to point to.
    if (length === undefined || length > 63) return null;
    labels.push(message.toString('latin1', at + 1, at + 1 + length));
    at += 1 + length;
  }
  const end = at + 5;
  if (end > message.length) return null;
  return {
    name: labels.join('.').toLowerCase(),
    type: message.readUInt16BE(at + 1),
    class: message.readUInt16BE(at + 3),
    end,
  };
}

function header(message: Buffer, flags: number, questions: number, answers: number): Buffer {
  const bytes = Buffer.alloc(HEADER);
  message.copy(bytes, 0, 0, 2);
  bytes.writeUInt16BE(ANSWER | (message.readUInt16BE(2) & (OPCODE | RECURSION_DESIRED)) | flags, 2);
  bytes.writeUInt16BE(questions, 4);
  bytes.writeUInt16BE(answers, 6);
  return bytes;
}

function addressRecord(address: string): Buffer {
  const bytes = Buffer.alloc(12);
  bytes.writeUInt16BE(SAME_NAME, 0);
  bytes.writeUInt16BE(TYPE_A, 2);
  bytes.writeUInt16BE(CLASS_IN, 4);
  bytes.writeUInt32BE(TTL_S, 6);
  bytes.writeUInt16BE(4, 10);
  return Buffer.concat([bytes, Buffer.from(address.split('.').map(Number))]);
}

/** Names with one address; `*` in one of them is any one label: `s3.*.amazonaws.com`. */
export type Names = { readonly names: readonly string[]; readonly address: string };

/** Whether a name, in small letters, is one of a pattern. */
export function isNamed(name: string, pattern: string): boolean {
  const [given, wanted] = [name.split('.'), pattern.split('.')];
  return given.length === wanted.length && wanted.every((label, at) => label === '*' || label === given[at]);
}

/** @returns null for what is no question */
export function answerTo(message: Buffer, { names, address }: Names): Buffer | null {
  if (message.length < HEADER || (message.readUInt16BE(2) & 0x8000) !== 0) return null;
  const question = message.readUInt16BE(4) === 1 ? readQuestion(message) : null;
  if (question === null || (message.readUInt16BE(2) & OPCODE) !== 0) return header(message, NOT_OFFERED, 0, 0);
  const asked = message.subarray(HEADER, question.end);
  if (!names.some((pattern) => isNamed(question.name, pattern)))
    return Buffer.concat([header(message, NO_SUCH_NAME, 1, 0), asked]);
  // Of another type the name has nothing, and is there all the same.
  if (question.type !== TYPE_A || question.class !== CLASS_IN) return Buffer.concat([header(message, 0, 1, 0), asked]);
  return Buffer.concat([header(message, 0, 1, 1), asked, addressRecord(address)]);
}
