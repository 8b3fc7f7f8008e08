import { expect, test } from 'vitest';
import { decodeMessage, encodeMessage, type Message } from '../../../lab/ssm/message.ts';
import { encodeFrame, FrameReader, MUX } from '../../../lab/ssm/mux.ts';

/** Written by session-manager-plugin's own code (src/message, SerializeClientMessage), version 1.3.0.0. */
const INPUT =
  '00000074696e7075745f73747265616d5f64617461202020202020202020202020202020000000010000015e0baa78840000' +
  '0000000000070000000000000000a508b5f073f31b16dd01e56bff48483e5891b5b522d5df086d0ff0b110fbd9d21bb4fc71' +
  '63af34d08286a2e846f6be03000000010000000668656c6c6f0a';
const ACKNOWLEDGE_HEADER =
  '0000007461636b6e6f776c65646765202020202020202020202020202020202020202020000000010000015e0baa78840000' +
  '0000000000000000000000000003a508b5f073f31b16dd01e56bff48483ebb487a3f076aac75c3a35b6e402d2e44ccdd9844' +
  'ac4e5b2007e8b4ac8f1d8f3100000000000000b0';
const ACKNOWLEDGE_PAYLOAD =
  '{"AcknowledgedMessageType":"output_stream_data","AcknowledgedMessageId":"dd01e56b-ff48-483e-a508-b5f073f31b16",' +
  '"AcknowledgedMessageSequenceNumber":7,"IsSequentialMessage":true}';
/** Written by smux 1.5.15: a stream is opened, says hello, and is closed. */
const STREAM = '0100000003000000010205000300000068656c6c6f0101000003000000';

const common = { createdAt: 1503434274948, id: 'dd01e56b-ff48-483e-a508-b5f073f31b16' };
const input: Message = {
  ...common,
  type: 'input_stream_data',
  sequence: 7,
  flags: 0,
  payloadType: 1,
  payload: Buffer.from('hello\n'),
};
const acknowledge: Message = {
  ...common,
  type: 'acknowledge',
  sequence: 0,
  flags: 3,
  payloadType: 0,
  payload: Buffer.from(ACKNOWLEDGE_PAYLOAD),
};

test.for([
  ['data', input, INPUT],
  ['an acknowledgement', acknowledge, `${ACKNOWLEDGE_HEADER}${Buffer.from(ACKNOWLEDGE_PAYLOAD).toString('hex')}`],
] as const)('%s has the bytes that the plugin writes, and is read from them', ([, message, hex]) => {
  expect(encodeMessage(message).toString('hex')).toBe(hex);
  expect(decodeMessage(Buffer.from(hex, 'hex'))).toEqual(message);
});

test('what was damaged on the way is no message', () => {
  const bytes = encodeMessage(input);
  bytes.writeUInt8(0x48, bytes.length - 6);
  expect(() => decodeMessage(bytes)).toThrow('the digest is not that of the payload');
  expect(() => decodeMessage(bytes.subarray(0, -1))).toThrow('the payload has 5 bytes, not 6');
  expect(() => decodeMessage(Buffer.from('hello'))).toThrow('has no header');
});

test('frames of a forwarded port have the bytes that smux writes, and are read in whatever pieces they come', () => {
  const bytes = Buffer.from(STREAM, 'hex');
  const frames = [
    { command: MUX.open, stream: 3, data: Buffer.alloc(0) },
    { command: MUX.data, stream: 3, data: Buffer.from('hello') },
    { command: MUX.end, stream: 3, data: Buffer.alloc(0) },
  ];
  expect(Buffer.concat(frames.map(encodeFrame)).equals(bytes)).toBe(true);
  for (const size of [1, 3, 9, bytes.length]) {
    const reader = new FrameReader();
    const read = [];
    for (let at = 0; at < bytes.length; at += size) read.push(...reader.push(bytes.subarray(at, at + size)));
    expect(read).toEqual(frames);
  }
  expect(() => [...new FrameReader().push(Buffer.from('0200000003000000', 'hex'))]).toThrow('mux version 2');
});
