import { expect, test } from 'vitest';
import { sessionKind, sessionType } from '../../../lab/ssm/documents.ts';

test.for([
  [undefined, {}, { kind: 'shell' }],
  ['SSM-SessionManagerRunShell', {}, { kind: 'shell' }],
  ['AWS-StartSSHSession', {}, { kind: 'ssh', port: 22 }],
  ['AWS-StartSSHSession', { portNumber: ['2222'] }, { kind: 'ssh', port: 2222 }],
  ['AWS-StartPortForwardingSession', {}, { kind: 'forward', port: 80, localPort: 0 }],
  [
    'AWS-StartPortForwardingSession',
    { portNumber: ['22'], localPortNumber: ['8022'] },
    { kind: 'forward', port: 22, localPort: 8022 },
  ],
  [
    'AWS-StartNonInteractiveCommand',
    {},
    { code: 'InvalidDocument', message: 'The lab has no session document AWS-StartNonInteractiveCommand.' },
  ],
  [
    'AWS-StartSSHSession',
    { portNumber: ['0x16'] },
    { code: 'ValidationException', message: 'Parameter portNumber is no port: 0x16' },
  ],
  [
    'AWS-StartSSHSession',
    { host: ['10.0.0.1'] },
    { code: 'ValidationException', message: 'Document AWS-StartSSHSession has no parameter host.' },
  ],
] as const)('%s with %j', ([document, parameters, expected]) => {
  expect(sessionKind(document, parameters)).toEqual(expected);
});

test('the plugin is told what to be by the properties of its document', () => {
  expect(sessionType({ kind: 'shell' })).toEqual({ SessionType: 'Standard_Stream', Properties: {} });
  expect(sessionType({ kind: 'ssh', port: 22 })).toEqual({ SessionType: 'Port', Properties: { portNumber: '22' } });
  expect(sessionType({ kind: 'forward', port: 22, localPort: 8022 })).toEqual({
    SessionType: 'Port',
    Properties: { type: 'LocalPortForwarding', portNumber: '22', localPortNumber: '8022' },
  });
});
