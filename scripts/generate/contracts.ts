import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { compile } from 'json-schema-to-typescript';
import { CONTROL_PORT } from '../../contracts/control-port.ts';
import { projectFolder } from '../setup-lib/paths.mjs';

/**
 * From webserver.schema.json: the TypeScript types, and the OpenAPI document, which adds the paths. From
 * host-config.schema.json: the types. `npm run drift` fails when a committed file differs.
 */
type Json = { readonly [key: string]: unknown };
type Schema = Parameters<typeof compile>[0];

function body(name: string): Json {
  return {
    required: true,
    content: { 'application/json': { schema: { $ref: `#/components/schemas/${name}` } } },
  };
}
function answer(description: string, ...names: readonly string[]): Json {
  return {
    description,
    content: {
      'application/json': {
        schema:
          names.length === 1
            ? { $ref: `#/components/schemas/${names[0]}` }
            : { oneOf: names.map((name) => ({ $ref: `#/components/schemas/${name}` })) },
      },
    },
  };
}

const REFUSED = {
  '400': answer('Malformed, or not of this protocol.', 'Refusal'),
  '413': answer('Too large.', 'Refusal'),
};
const HOST_TOKEN = [{ hostToken: [] }];
const CONTROL_TOKEN = [{ controlToken: [] }];

const PATHS = {
  '/host_service/challenge': {
    post: {
      operationId: 'challenge',
      summary: 'The nonce of the next handshake',
      requestBody: body('ChallengeRequest'),
      responses: {
        '200': answer('The nonce.', 'Challenge'),
        ...REFUSED,
        '503': answer('This address asks too often; Retry-After says when to ask again.', 'Refusal'),
      },
    },
  },
  '/host_service/auth': {
    post: {
      operationId: 'handshake',
      summary: 'The handshake',
      description:
        'The webserver verifies the signature of the identity document, then account, region and image; that the nonce is one it gave to this instance and was not used; and the proof. An instance id that is known with another hostKey is refused (INSTANCE_KNOWN) until that host said goodbye or its token ran out.',
      requestBody: body('HandshakeRequest'),
      responses: {
        ...REFUSED,
        '200': answer('The host may open its gate.', 'HandshakeGranted'),
        '400': answer('Malformed; a used or unknown nonce; a wrong proof; a known instance.', 'Refusal'),
        '403': answer('Denied; final.', 'HandshakeDenied'),
        '503': answer(
          'It cannot be decided now, or this address asks too often; Retry-After says when to ask again.',
          'Refusal',
        ),
      },
    },
  },
  '/host_service/heartbeat': {
    post: {
      operationId: 'heartbeat',
      summary: 'Every 55 to 65 seconds',
      security: HOST_TOKEN,
      requestBody: body('HeartbeatRequest'),
      responses: {
        ...REFUSED,
        '200': answer('The next token.', 'HeartbeatAnswer'),
        '401': answer('The token is not (or no longer) good: shake hands again.', 'Refusal'),
        '403': answer('The host is no longer trusted.', 'Revoked'),
      },
    },
  },
  '/v1/status': {
    get: {
      operationId: 'controlStatus',
      summary: 'On the host: the phase it is in',
      security: CONTROL_TOKEN,
      responses: { '200': answer('The phase.', 'ControlAnswer'), '401': answer('Wrong token.', 'Refusal') },
    },
  },
  ...Object.fromEntries(
    [
      ['drain', 'take no more tasks, let those that run end, stop'],
      ['revoke', 'the same, and do not ask again'],
    ].map(([verb, does]) => [
      `/v1/${verb}`,
      {
        post: {
          operationId: `control-${verb}`,
          summary: `On the host: ${does}`,
          security: CONTROL_TOKEN,
          requestBody: body('ControlRequest'),
          responses: {
            ...REFUSED,
            '202': answer('Heard.', 'ControlAnswer'),
            '401': answer('Wrong token.', 'Refusal'),
          },
        },
      },
    ]),
  ),
};

function openApi(schema: { $defs: Json; description: string }): Json {
  return {
    openapi: '3.1.0',
    info: {
      title: 'Host and webserver',
      version: '1.0.0',
      description: schema.description,
      license: { name: 'MIT', identifier: 'MIT' },
    },
    servers: [
      {
        url: 'https://{webserver}',
        description: '/host_service: the webserver',
        variables: { webserver: { default: 'webserver.invalid' } },
      },
      {
        url: `https://{host}:${CONTROL_PORT}`,
        description: '/v1: the control port of a host',
        variables: { host: { default: 'host.invalid' } },
      },
    ],
    security: [],
    paths: PATHS,
    components: {
      schemas: JSON.parse(JSON.stringify(schema.$defs).replaceAll('#/$defs/', '#/components/schemas/')) as Json,
      securitySchemes: {
        hostToken: { type: 'http', scheme: 'bearer', description: 'authToken of the last answer' },
        controlToken: { type: 'http', scheme: 'bearer', description: 'control.token of the handshake' },
      },
    },
  };
}

const STYLE = { singleQuote: true, printWidth: 120 } as const;
async function read(file: string): Promise<Schema> {
  return JSON.parse(await readFile(join(projectFolder(), 'contracts', file), 'utf8')) as Schema;
}

async function hostConfigTypes(): Promise<string> {
  return compile(await read('host-config.schema.json'), 'HostConfig', {
    bannerComment: '/* Generated from host-config.schema.json by `npm run generate`. */',
    additionalProperties: false,
    style: STYLE,
  });
}

export default async (): Promise<{ path: string; text: string }[]> => {
  const schema = (await read('webserver.schema.json')) as Schema & { $defs: Json; description: string };
  const types = await compile(schema, 'WebserverProtocol', {
    bannerComment: '/* Generated from webserver.schema.json by `npm run generate`. */',
    additionalProperties: false,
    unreachableDefinitions: true,
    style: STYLE,
  });
  return [
    // Of a schema that is only definitions the root says nothing.
    {
      path: 'contracts/webserver.ts',
      text: types.replace(/\/\*\*(?:(?!\*\/)[\s\S])*\*\/\nexport interface WebserverProtocol \{[^}]*\}\n/, ''),
    },
    { path: 'contracts/openapi.json', text: `${JSON.stringify(openApi(schema), null, 2)}\n` },
    { path: 'contracts/host-config.ts', text: await hostConfigTypes() },
  ];
};
