import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { execa } from 'execa';
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { projectFolder } from '../../src/io/paths.ts';
import { LiveStream } from '../../src/stream/live.ts';
import { servePage } from '../../src/stream/page.ts';
import { findBrowser, startBrowser, type Tab } from '../support/browser.ts';
import { encodeUnits, type StreamPeer, startPeer } from '../support/stream-peer.ts';
import { tempFolder } from '../support/temp-folder.ts';

const key = randomBytes(16);
const browserPath = await findBrowser();
const units = await encodeUnits();
const missing =
  browserPath === null
    ? 'no Chromium here (chromium)'
    : units === null
      ? 'no ffmpeg with libx264 here (run `make setup`)'
      : null;

async function peerOf(at?: StreamPeer['ports']): Promise<StreamPeer> {
  const peer = await startPeer({ key, units: units ?? [] }, at);
  onTestFinished(async () => peer[Symbol.asyncDispose]());
  return peer;
}

/** @param before a script that runs before those of the page */
async function show(peer: StreamPeer, before = '') {
  const stop = new AbortController();
  const stream = new LiveStream({ host: '127.0.0.1', ports: peer.ports, key });
  const running = stream.run(stop.signal);
  const page = await servePage(stream, 'sand & <b>box</b>');
  onTestFinished(async () => {
    await page[Symbol.asyncDispose]();
    stop.abort();
    await running;
  });
  const profile = tempFolder();
  const browser = await startBrowser(browserPath ?? '', profile);
  onTestFinished(async () => browser[Symbol.asyncDispose]());
  const tab = await browser.tab();
  await tab.ask('Page.enable');
  await tab.ask('Page.addScriptToEvaluateOnNewDocument', { source: before });
  await tab.go(page.openingAddress());
  return { tab, page };
}

/** Mean brightness, how much it varies, and a fingerprint of what is shown. */
function look(tab: Tab, selector: string): Promise<{ mean: number; spread: number; print: string }> {
  return tab.evaluate(`(() => {
    const shown = document.querySelector('${selector}');
    const canvas = new OffscreenCanvas(64, 36);
    const context = canvas.getContext('2d');
    context.drawImage(shown, 0, 0, 64, 36);
    const { data } = context.getImageData(0, 0, 64, 36);
    const gray = Array.from({ length: 64 * 36 }, (_, at) => (data[at * 4] + data[at * 4 + 1] + data[at * 4 + 2]) / 3);
    const mean = gray.reduce((sum, value) => sum + value, 0) / gray.length;
    const spread = Math.sqrt(gray.reduce((sum, value) => sum + (value - mean) ** 2, 0) / gray.length);
    return { mean, spread, print: gray.map(Math.round).join() };
  })()`);
}

async function expectMoving(tab: Tab, selector: string): Promise<void> {
  await expect.poll(() => look(tab, selector).then(({ mean, spread }) => mean > 24 && spread > 10)).toBe(true);
  const { print } = await look(tab, selector);
  await expect.poll(async () => (await look(tab, selector)).print !== print).toBe(true);
}

test("the page's script has no type errors", async () => {
  const root = projectFolder();
  const tsc = join(root, 'node_modules', '.bin', 'tsc');
  const project = join(root, 'src', 'stream', 'page');
  const { stdout, exitCode } = await execa(tsc, ['--noEmit', '--project', project], { reject: false });
  expect(stdout).toBe('');
  expect(exitCode).toBe(0);
});

describe('a browser', () => {
  beforeEach((context) => {
    if (missing !== null) context.skip(missing);
  });

  test('decodes the stream, says what it is, and when it is lost and back', async () => {
    const first = await startPeer({ key, units: units ?? [] });
    const { tab, page } = await show(first);
    await expectMoving(tab, '#picture');
    await expect
      .poll(() => tab.text())
      .toMatch(/sand & <b>box<\/b>\s+Live\s[\s\S]*320 × 180[\s\S]*\n(2[5-9]|3[0-5])\n[\s\S]*H\.264, decoded/);
    expect(await tab.evaluate('location.href')).toBe(page.address);
    expect(await tab.evaluate('document.title')).toBe('sand & <b>box</b>');
    await first[Symbol.asyncDispose]();
    await expect.poll(() => tab.text()).toMatch(/The stream is lost \(.+\)\. Trying again/);
    await peerOf(first.ports);
    await expect.poll(() => tab.text()).toMatch(/\nLive\n/);
    await expectMoving(tab, '#picture');
    await page[Symbol.asyncDispose]();
    await expect.poll(() => tab.text()).toMatch(/ecs-host does not answer/);
  });

  test.each([
    ['without WebCodecs', 'delete globalThis.VideoDecoder'],
    ['without H.264', 'VideoDecoder.isConfigSupported = async () => ({ supported: false })'],
    ['whose decoder fails', "VideoDecoder.prototype.decode = () => { throw new Error('no'); }"],
  ])('%s gets JPEG pictures', async (_which, before) => {
    const { tab } = await show(await peerOf(), before);
    await expect.poll(() => tab.text()).toMatch(/JPEG pictures/);
    await expectMoving(tab, '#stills');
  });

  test('without JavaScript gets JPEG pictures, and is told what is missing', async () => {
    const { tab, page } = await show(await peerOf());
    await tab.ask('Emulation.setScriptExecutionDisabled', { value: true });
    await tab.go(page.address);
    await expect.poll(() => tab.text()).toMatch(/Without JavaScript/);
    await tab.ask('Emulation.setScriptExecutionDisabled', { value: false });
    await expectMoving(tab, 'noscript img');
  });

  test('of a telephone shows all of it without scrolling sideways', async () => {
    const { tab } = await show(await peerOf());
    const screen = { width: 360, height: 740, deviceScaleFactor: 2, mobile: true };
    await tab.ask('Emulation.setDeviceMetricsOverride', screen);
    await expectMoving(tab, '#picture');
    expect(await tab.evaluate('document.documentElement.scrollWidth')).toBe(360);
    expect(await tab.evaluate("document.querySelector('#picture').getBoundingClientRect().width")).toBeLessThanOrEqual(
      360,
    );
  });
});
