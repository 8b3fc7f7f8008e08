import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { createMachineReadableParser, parseMachineLine } from '../../src/bake/machine-readable.ts';

function recorded(name: string): Buffer {
  return readFileSync(new URL(`recorded/${name}.txt`, import.meta.url));
}

describe('parseMachineLine', () => {
  test('restores commas and line ends', () => {
    const line = parseMachineLine('1795462646,,ui,say,==> a.b: one%!(PACKER_COMMA) two\\n==> a.b: three\\r');
    expect(line).toEqual({
      timestamp: 1795462646,
      target: '',
      category: 'ui',
      data: ['say', '==> a.b: one, two\n==> a.b: three\r'],
      rawData: ['say', '==> a.b: one, two\\n==> a.b: three\\r'],
    });
  });

  test('keeps the target and all fields of an artifact', () => {
    const line = parseMachineLine('1,amazon-ebs.host,artifact,0,id,us-east-2:ami-1');
    expect(line).toMatchObject({
      target: 'amazon-ebs.host',
      category: 'artifact',
      data: ['0', 'id', 'us-east-2:ami-1'],
    });
  });

  test.each(['', 'panic: runtime error', 'not-a-time,,ui,say,x', '1,target'])('is null for %j', (text) => {
    expect(parseMachineLine(text)).toBeNull();
  });
});

describe('createMachineReadableParser', () => {
  test.each([1, 2, 3, 7, 64, 4096])('gives the same lines for pieces of %d bytes', (size) => {
    const bytes = recorded('success');
    const whole = createMachineReadableParser();
    const expected = [...whole.push(bytes), ...whole.end()];
    const parser = createMachineReadableParser();
    const lines = [];
    for (let at = 0; at < bytes.length; at += size) lines.push(...parser.push(bytes.subarray(at, at + size)));
    lines.push(...parser.end());
    expect(lines).toEqual(expected);
    expect(lines.some((line) => line.data[1]?.includes('Umlaut: ä'))).toBe(true);
  });

  test('takes a last line without its end, and nothing twice', () => {
    const parser = createMachineReadableParser();
    expect(parser.push(Buffer.from('1,,ui,say,first\n2,,ui,say,sec'))).toHaveLength(1);
    expect(parser.end().map((line) => line.data[1])).toEqual(['sec']);
    expect(parser.end()).toEqual([]);
  });
});
