import { expect, test } from 'vitest';
import { answerTo } from '../../../lab/net/names.ts';

const NAMES = { names: ['lab.internal', 's3.*.amazonaws.com', '*.ec2.archive.ubuntu.com'], address: '10.78.0.1' };

function question(name: string, type = 1): Buffer {
  const labels = name.split('.').flatMap((label) => [label.length, ...Buffer.from(label)]);
  // A number, "recursion desired", one question.
  return Buffer.from([0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, ...labels, 0, 0, type, 0, 1]);
}

function read(answer: Buffer | null) {
  if (answer === null) return null;
  const count = answer.readUInt16BE(6);
  return {
    id: answer.readUInt16BE(0),
    code: answer.readUInt16BE(2) & 15,
    address: count === 0 ? null : [...answer.subarray(-4)].join('.'),
  };
}

test.each([
  ['the name', question('lab.internal'), { id: 0x1234, code: 0, address: '10.78.0.1' }],
  ['the name in capitals', question('LAB.Internal'), { id: 0x1234, code: 0, address: '10.78.0.1' }],
  ['its IPv6 address, of which it has none', question('lab.internal', 28), { id: 0x1234, code: 0, address: null }],
  ['another name', question('debian.org'), { id: 0x1234, code: 3, address: null }],
  ['a longer name', question('x.lab.internal'), { id: 0x1234, code: 3, address: null }],
  ['one of many', question('s3.us-east-1.amazonaws.com'), { id: 0x1234, code: 0, address: '10.78.0.1' }],
  ['one of many more', question('a-1.ec2.archive.ubuntu.com'), { id: 0x1234, code: 0, address: '10.78.0.1' }],
  ['two labels for one', question('a.b.ec2.archive.ubuntu.com'), { id: 0x1234, code: 3, address: null }],
  ['no label for one', question('ec2.archive.ubuntu.com'), { id: 0x1234, code: 3, address: null }],
  ['a question that is cut off', question('lab.internal').subarray(0, 20), { id: 0x1234, code: 4, address: null }],
  ['what is no question', Buffer.alloc(5), null],
] as const)('asked for %s', (_what, asked, expected) => {
  expect(read(answerTo(asked, NAMES))).toEqual(expected);
});

test('an answer is answered by nobody, so that two name servers cannot talk for ever', () => {
  const answer = answerTo(question('lab.internal'), NAMES) ?? Buffer.alloc(0);
  expect(answerTo(answer, NAMES)).toBeNull();
});
