import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { DataChannel } from '../../../lab/ssm/data-channel.ts';
import { decodeMessage, encodeMessage, type Message, PAYLOAD } from '../../../lab/ssm/message.ts';

let sent: Message[] = [];
let taken: string[] = [];
let rooms = 0;
let channel: DataChannel;

beforeEach(() => {
  vi.useFakeTimers();
  sent = [];
  taken = [];
  rooms = 0;
  channel = new DataChannel({
    onPayload: (_, payload) => void taken.push(payload.toString()),
    onRoom: () => {
      rooms += 1;
    },
    log: () => undefined,
  });
  channel.attach((bytes) => void sent.push(decodeMessage(bytes)));
});
afterEach(() => {
  channel.close();
  vi.useRealTimers();
});

function arrive(type: string, sequence: number, payload: string): void {
  const common = { createdAt: 1, flags: 0, id: 'dd01e56b-ff48-483e-a508-b5f073f31b16', payloadType: PAYLOAD.output };
  channel.receive(encodeMessage({ ...common, type, sequence, payload: Buffer.from(payload) }));
}

function input(sequence: number, payload: string): void {
  arrive('input_stream_data', sequence, payload);
}

function acknowledge(sequence: number): void {
  arrive('acknowledge', 0, JSON.stringify({ AcknowledgedMessageSequenceNumber: sequence }));
}

function output(): string[] {
  return sent
    .filter(({ type }) => type === 'output_stream_data')
    .map(({ sequence, payload }) => `${sequence} ${payload}`);
}

function acknowledged(): number[] {
  return sent
    .filter(({ type }) => type === 'acknowledge')
    .map(({ payload }) => JSON.parse(payload.toString())['AcknowledgedMessageSequenceNumber']);
}

test('messages are numbered, and only the first one has the flag of a beginning', () => {
  channel.send(PAYLOAD.output, Buffer.from('a'));
  channel.send(PAYLOAD.output, Buffer.from('b'));
  expect(output()).toEqual(['0 a', '1 b']);
  expect(sent.map(({ flags }) => flags)).toEqual([1, 0]);
});

test('a long payload goes in pieces of a kilobyte', () => {
  channel.send(PAYLOAD.output, Buffer.alloc(2500));
  expect(sent.map(({ payload }) => payload.length)).toEqual([1024, 1024, 452]);
});

test('what comes out of order is taken in order, once, and each is acknowledged as it comes', () => {
  for (const [sequence, payload] of [
    [0, 'a'],
    [2, 'c'],
    [3, 'd'],
    [2, 'c'],
    [1, 'b'],
    [0, 'a'],
    [4, 'e'],
  ] as const)
    input(sequence, payload);
  expect(taken).toEqual(['a', 'b', 'c', 'd', 'e']);
  expect(acknowledged()).toEqual([0, 2, 3, 2, 1, 0, 4]);
});

test('an acknowledgement says which message, by its kind, its id and its number', () => {
  input(0, 'a');
  expect(JSON.parse(sent[0]?.payload.toString() ?? '')).toEqual({
    AcknowledgedMessageType: 'input_stream_data',
    AcknowledgedMessageId: 'dd01e56b-ff48-483e-a508-b5f073f31b16',
    AcknowledgedMessageSequenceNumber: 0,
    IsSequentialMessage: true,
  });
  expect(sent[0]?.flags).toBe(3);
});

test('what is lost is sent again until it is acknowledged, the oldest first', () => {
  channel.send(PAYLOAD.output, Buffer.from('a'));
  channel.send(PAYLOAD.output, Buffer.from('b'));
  vi.advanceTimersByTime(200);
  expect(output()).toEqual(['0 a', '1 b']);
  vi.advanceTimersByTime(100);
  expect(output()).toEqual(['0 a', '1 b', '0 a']);
  acknowledge(0);
  vi.advanceTimersByTime(100);
  expect(output().at(-1)).toBe('1 b');
  acknowledge(1);
  const before = output().length;
  vi.advanceTimersByTime(60_000);
  expect(output()).toHaveLength(before);
});

test('a slow client is given more time, up to a second', () => {
  for (let sequence = 0; sequence < 20; sequence += 1) {
    channel.send(PAYLOAD.output, Buffer.from('x'));
    vi.advanceTimersByTime(150);
    acknowledge(sequence);
  }
  channel.send(PAYLOAD.output, Buffer.from('y'));
  const count = output().length;
  vi.advanceTimersByTime(150);
  expect(output()).toHaveLength(count);
  vi.advanceTimersByTime(1200);
  expect(output().length).toBeGreaterThan(count);
});

test('while the connection is away nothing goes out, and then all that is not acknowledged does', () => {
  channel.send(PAYLOAD.output, Buffer.from('a'));
  acknowledge(0);
  channel.detach();
  channel.send(PAYLOAD.output, Buffer.from('b'));
  vi.advanceTimersByTime(5000);
  expect(output()).toEqual(['0 a']);
  channel.attach((bytes) => void sent.push(decodeMessage(bytes)));
  expect(output()).toEqual(['0 a', '1 b']);
});

test('who sends has to wait for a client that is far behind', () => {
  let hasRoom = true;
  let count = 0;
  for (; hasRoom; count += 1) hasRoom = channel.send(PAYLOAD.output, Buffer.from('x'));
  expect(count).toBe(1000);
  for (let sequence = 0; sequence < 499; sequence += 1) acknowledge(sequence);
  expect(rooms).toBe(0);
  acknowledge(499);
  expect(rooms).toBe(1);
  expect(channel.send(PAYLOAD.output, Buffer.from('x'))).toBe(true);
});

test('the end waits for what is still on its way', () => {
  const ended = vi.fn();
  channel.send(PAYLOAD.output, Buffer.from('last words'));
  channel.whenAcknowledged(ended);
  expect(ended).not.toHaveBeenCalled();
  acknowledge(0);
  expect(ended).toHaveBeenCalledOnce();
});

test('what is no message, or of another kind, does no harm', () => {
  channel.receive(Buffer.from('hello'));
  arrive('acknowledge', 0, 'no JSON');
  arrive('pause_publication', 0, '');
  input(0, 'a');
  expect(taken).toEqual(['a']);
});
