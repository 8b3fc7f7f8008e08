import { connect, type Socket } from 'node:net';
import { NUMBER, object, parseObject, shapeCheck, TEXT } from '../io/shape.ts';
import { FrameReader, makeHello, WireError } from './wire.ts';

export type Peer = { readonly host: string; readonly port: number; readonly key: Uint8Array };

/** What the discovery port says of the stream. */
export type Discovered = {
  readonly codec: string;
  readonly width: number;
  readonly height: number;
  /** Frames a second that it means to send. */
  readonly fps: number;
};

const problemOf = shapeCheck(object({ codec: TEXT, width: NUMBER, height: NUMBER, fps: NUMBER }));

/**
 * Connects, greets, and hands on each payload until the signal or the peer ends it. Both ends say hello, so whoever
 * only wants to know whether a port answers comes here, too: the peer keeps a place for each connection until it has
 * heard one.
 *
 * @param silenceMs a peer that says nothing for so long is given up
 * @throws WireError when the peer has not the key, is silent, or does not speak the protocol; a network error
 */
export async function receive(
  { host, port, key }: Peer,
  onPayload: (payload: Buffer) => void,
  signal: AbortSignal,
  silenceMs = 0,
): Promise<void> {
  const socket: Socket = connect({ host, port, signal, noDelay: true });
  const reader = new FrameReader(key);
  await new Promise<void>((resolve, reject) => {
    const fail = (error: Error): void => {
      socket.destroy();
      reject(error);
    };
    socket.setTimeout(silenceMs, () => fail(new WireError(`nothing came for ${silenceMs / 1000} s`)));
    socket.on('connect', () => socket.write(makeHello(key)));
    socket.on('data', (chunk) => {
      try {
        for (const payload of reader.push(chunk)) onPayload(payload);
      } catch (error) {
        fail(error as Error);
      }
    });
    socket.on('error', (error) => (signal.aborted ? resolve() : reject(error)));
    socket.on('close', () =>
      reader.isGreeted || signal.aborted ? resolve() : reject(new WireError('the peer closed before its hello')),
    );
  });
}

/** What the discovery port says. @throws WireError as `receive`, or when that is not what it should be */
export async function discover(peer: Peer, signal: AbortSignal, silenceMs = 0): Promise<Discovered> {
  let told: Buffer | null = null;
  await receive(peer, (payload) => (told ??= payload), signal, silenceMs);
  if (told === null) throw new WireError('the discovery port said nothing');
  const said = parseObject(String(told));
  const problem = typeof said === 'string' ? said : problemOf(said);
  if (typeof said === 'string' || problem !== null) throw new WireError(`what the discovery port said: ${problem}`);
  const { codec, width, height, fps } = said as Discovered;
  return { codec, width, height, fps };
}
