/**
 * Shows the stream of this page's server. H.264 comes over a websocket and is decoded here; a browser that cannot gets
 * JPEG pictures instead, which the server makes.
 *
 * @typedef {{ state: 'connecting' | 'live' | 'lost', reason: string | null, codec: string | null, width: number,
 *   height: number, framesPerSecond: number }} Status
 */

const RETRY_MS = 2000;
/** Pictures that wait for the decoder; a page in the background may not keep up, and goes on with a key picture. */
const MOST_WAITING = 60;
/** A decoder that never gave a picture in so many tries is none for this stream. */
const MOST_FAILURES = 3;

/** @param {string} id */
function element(id) {
  const found = document.getElementById(id);
  if (found === null) throw new Error(`the page has no ${id}`);
  return found;
}

/**
 * A screen reader says what changes here, so only a change is written.
 *
 * @param {string} id
 * @param {string} text
 */
function say(id, text) {
  const where = element(id);
  if (where.textContent !== text) where.textContent = text;
}

/**
 * @param {Status['state'] | 'gone'} state
 * @param {string} text
 */
function showState(state, text) {
  element('state').dataset['state'] = state;
  element('stage').dataset['state'] = state;
  say('state', text);
}

/** @param {Status} status */
function showStatus({ state, reason, width, height, framesPerSecond }) {
  const because = reason === null ? '' : ` (${reason})`;
  if (state === 'live') showState(state, 'Live');
  else if (state === 'lost') showState(state, `The stream is lost${because}. Trying again; it goes on here by itself.`);
  else showState(state, `Connecting${because}`);
  if (width > 0) say('resolution', `${width} × ${height}`);
  say('rate', String(framesPerSecond));
}

/** Decodes H.264 and draws it. */
class Pictures {
  /** @type {VideoDecoder | null} */
  #decoder = null;
  #canvas = /** @type {HTMLCanvasElement} */ (element('picture'));
  #isWaitingForKey = true;
  #failures = 0;
  #onHopeless;

  /** @param {() => void} onHopeless called when this browser cannot decode this stream */
  constructor(onHopeless) {
    this.#onHopeless = onHopeless;
  }

  /** @param {VideoFrame} frame */
  #draw(frame) {
    this.#failures = 0;
    const canvas = this.#canvas;
    if (canvas.width !== frame.displayWidth || canvas.height !== frame.displayHeight) {
      canvas.width = frame.displayWidth;
      canvas.height = frame.displayHeight;
    }
    canvas.getContext('2d')?.drawImage(frame, 0, 0, canvas.width, canvas.height);
    canvas.hidden = false;
    frame.close();
  }

  #fail() {
    this.close();
    this.#failures += 1;
    if (this.#failures >= MOST_FAILURES) this.#onHopeless();
  }

  /** @param {string} codec */
  #open(codec) {
    const decoder = new VideoDecoder({ output: (frame) => this.#draw(frame), error: () => this.#fail() });
    decoder.configure({ codec, optimizeForLatency: true });
    this.#decoder = decoder;
    return decoder;
  }

  /**
   * @param {string} codec
   * @param {Uint8Array} data
   * @param {boolean} isKey
   */
  decode(codec, data, isKey) {
    if (this.#decoder !== null && this.#decoder.decodeQueueSize > MOST_WAITING) this.#isWaitingForKey = true;
    if (this.#isWaitingForKey && !isKey) return;
    this.#isWaitingForKey = false;
    const timestamp = performance.now() * 1000;
    try {
      const decoder = this.#decoder ?? this.#open(codec);
      decoder.decode(new EncodedVideoChunk({ type: isKey ? 'key' : 'delta', timestamp, data }));
    } catch {
      this.#fail();
    }
  }

  close() {
    if (this.#decoder !== null && this.#decoder.state !== 'closed') this.#decoder.close();
    this.#decoder = null;
    this.#isWaitingForKey = true;
  }
}

/** @param {string} codec */
async function canDecode(codec) {
  if (!('VideoDecoder' in globalThis)) return false;
  const { supported } = await VideoDecoder.isConfigSupported({ codec }).catch(() => ({ supported: false }));
  return supported === true;
}

/** The page as long as it is open. */
class Page {
  #mode = /** @type {'unknown' | 'decode' | 'stills'} */ ('unknown');
  /** @type {string | null} */
  #codec = null;
  #pictures = new Pictures(() => this.#showStills());
  /** @type {WebSocket | null} */
  #socket = null;

  connect() {
    const url = new URL('live', location.href);
    url.protocol = 'ws:';
    const socket = new WebSocket(url);
    socket.binaryType = 'arraybuffer';
    socket.onmessage = ({ data }) => {
      if (typeof data === 'string') this.#hear(JSON.parse(data));
      else this.#take(new Uint8Array(data));
    };
    socket.onclose = () => {
      this.#pictures.close();
      showState('gone', 'ecs-host does not answer; it may have ended. Trying again.');
      say('rate', '0');
      setTimeout(() => this.connect(), RETRY_MS);
    };
    socket.onopen = () => {
      if (this.#mode === 'stills') this.#showStills();
    };
    this.#socket = socket;
  }

  /** @param {Status} status */
  #hear(status) {
    if (status.state !== 'live') this.#pictures.close();
    showStatus(status);
    if (status.codec === null || status.codec === this.#codec) return;
    this.#codec = status.codec;
    this.#pictures.close();
    if (this.#mode === 'unknown') void this.#choose(status.codec);
  }

  /** @param {string} codec */
  async #choose(codec) {
    if (!(await canDecode(codec))) {
      this.#showStills();
      return;
    }
    this.#mode = 'decode';
    say('way', 'H.264, decoded by this browser');
    this.#socket?.send('pictures');
  }

  /** @param {Uint8Array} message first whether a decoder can begin with it, then the access unit */
  #take(message) {
    if (this.#mode === 'decode' && this.#codec !== null)
      this.#pictures.decode(this.#codec, message.subarray(1), message[0] === 1);
  }

  #showStills() {
    this.#mode = 'stills';
    this.#pictures.close();
    say('way', 'JPEG pictures: this browser does not decode H.264');
    this.#socket?.send('no pictures');
    const stills = /** @type {HTMLImageElement} */ (element('stills'));
    // A new address each time: a browser that lost the pictures would otherwise show the last one.
    stills.src = `mjpeg?${Date.now()}`;
    stills.hidden = false;
    element('picture').hidden = true;
  }
}

new Page().connect();
