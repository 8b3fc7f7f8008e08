/** What a session is about, from its document and parameters. */
export type SessionKind =
  | { readonly kind: 'shell' }
  /** One connection, which the plugin's stdin and stdout carry. */
  | { readonly kind: 'ssh'; readonly port: number }
  /** A port of the client's machine, whose connections are carried side by side. */
  | { readonly kind: 'forward'; readonly port: number; readonly localPort: number };

export type Refusal = { readonly code: 'InvalidDocument' | 'ValidationException'; readonly message: string };

type Parameters = Readonly<Record<string, readonly string[]>>;

const SHELL = 'SSM-SessionManagerRunShell';

/** The parameters of each document with their defaults, as AWS's own documents have them. */
const DEFAULTS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  [SHELL]: {},
  'AWS-StartSSHSession': { portNumber: '22' },
  'AWS-StartPortForwardingSession': { portNumber: '80', localPortNumber: '0' },
};

function isPort(text: string): boolean {
  return /^\d{1,5}$/.test(text) && Number(text) <= 65_535;
}

function valuesOf(document: string, defaults: Readonly<Record<string, string>>, parameters: Parameters) {
  const values: Record<string, string> = { ...defaults };
  for (const [name, given] of Object.entries(parameters)) {
    if (!(name in defaults)) return `Document ${document} has no parameter ${name}.`;
    const [value = ''] = given;
    if (given.length !== 1 || !isPort(value)) return `Parameter ${name} is no port: ${given.join(', ')}`;
    values[name] = value;
  }
  return values;
}

/** @returns what the session is to be, or why there is none */
export function sessionKind(document: string | undefined, parameters: Parameters): SessionKind | Refusal {
  const name = document ?? SHELL;
  const defaults = DEFAULTS[name];
  if (defaults === undefined) return { code: 'InvalidDocument', message: `The lab has no session document ${name}.` };
  const values = valuesOf(name, defaults, parameters);
  if (typeof values === 'string') return { code: 'ValidationException', message: values };
  const port = Number(values['portNumber']);
  if (name === SHELL) return { kind: 'shell' };
  if (name === 'AWS-StartSSHSession') return { kind: 'ssh', port };
  return { kind: 'forward', port, localPort: Number(values['localPortNumber']) };
}

/** What the agent asks the plugin to be, by the handshake. */
export function sessionType(kind: SessionKind): { readonly SessionType: string; readonly Properties: object } {
  switch (kind.kind) {
    case 'shell':
      return { SessionType: 'Standard_Stream', Properties: {} };
    case 'ssh':
      return { SessionType: 'Port', Properties: { portNumber: `${kind.port}` } };
    case 'forward':
      return {
        SessionType: 'Port',
        Properties: {
          type: 'LocalPortForwarding',
          portNumber: `${kind.port}`,
          // The plugin takes a free port when there is none.
          localPortNumber: `${kind.localPort}`,
        },
      };
  }
}
