import { describe, expect, test } from 'vitest';
import { parseCommand } from '../../provisioners/command.ts';

const TARGET = '/opt/ecs-host/target.json';

describe('parseCommand', () => {
  test.each([
    [['bake', 'base', 'verify'], { action: 'bake', names: ['base', 'verify'], stage: 'bake', targetPath: TARGET }],
    [['apply', 'clean'], { action: 'apply', names: ['clean'], stage: 'bake', targetPath: TARGET }],
    [['verify', '--stage', 'booted'], { action: 'verify', names: ['verify'], stage: 'booted', targetPath: TARGET }],
    [
      ['verify', 'development', '--stage', 'set-up'],
      { action: 'verify', names: ['development'], stage: 'set-up', targetPath: TARGET },
    ],
    [['verify', 'docker', 'base'], { action: 'verify', names: ['docker', 'base'], stage: 'bake', targetPath: TARGET }],
    [
      ['apply', 'docker', '--target', '/x.json'],
      { action: 'apply', names: ['docker'], stage: 'bake', targetPath: '/x.json' },
    ],
  ])('%j', (words, expected) => {
    expect(parseCommand(words)).toEqual(expected);
  });

  test.each([
    [[]],
    [['look', 'base']],
    [['bake']],
    [['apply']],
    [['apply', 'now']],
    [['apply', 'base', '--stage', 'booted']],
    [['verify', '--stage']],
    [['verify', '--stage', 'later']],
    [['verify', '--target', '/x.json', 'base']],
  ])('refuses %j', (words) => {
    expect(() => parseCommand(words)).toThrow('usage:');
  });
});
