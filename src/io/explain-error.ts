import { EcsHostError, outsideError, userError } from './errors.ts';

/** What the system said about a file, when it is something that the user can change. */
const FILE_REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'it is not there, or a folder above it is not',
  EACCES: 'you may not',
  EPERM: 'you may not',
  EROFS: 'it is on a read-only file system',
  ENOSPC: 'no space is left there',
  EDQUOT: 'your quota is used up',
  EEXIST: 'something of another kind has that name',
  EISDIR: 'it is a folder, not a file',
  ENOTDIR: 'a part of the path is a file, not a folder',
  ENAMETOOLONG: 'the name is too long',
  ELOOP: 'its links lead round in a circle',
  EMFILE: 'too many files are open (`ulimit -n`)',
};

const FILE_DEEDS: Readonly<Record<string, string>> = {
  open: 'opened',
  mkdir: 'made',
  mkdtemp: 'made',
  rename: 'renamed',
  copyfile: 'copied',
  unlink: 'removed',
  rm: 'removed',
  rmdir: 'removed',
  scandir: 'listed',
  read: 'read',
  write: 'written',
};

/** Errors of the API that are about what was asked for or who asked. Others with an answer are the service's. */
const OF_THE_USER =
  /^(Invalid\w+\.(NotFound|Malformed|Unavailable)|Invalid(Parameter|AMIID|InstanceID)\w*|UnauthorizedOperation|AccessDenied\w*|AuthFailure|OptInRequired|Unsupported|InvalidClientTokenId|UnrecognizedClientException|SignatureDoesNotMatch|ExpiredToken\w*|RequestExpired|\w*LimitExceeded|InsufficientFreeAddressesInSubnet)$/;

type ApiError = Error & { readonly $metadata: { readonly httpStatusCode?: number } };

function isApiError(error: unknown): error is ApiError {
  return error instanceof Error && typeof (error as Partial<ApiError>).$metadata === 'object';
}

/**
 * What is not a bug although nobody foresaw it where it was thrown: the system's answer about a path, and the API's
 * refusal. Everything else is given back as it is.
 */
export function explainError(error: unknown): unknown {
  if (error instanceof EcsHostError || !(error instanceof Error)) return error;
  const unreached = explainConnection(error);
  if (unreached !== null) return unreached;
  if (isApiError(error)) return explainApi(error);
  return explainFile(error) ?? error;
}

/** No connection was made: the name, the port or the certificate of the endpoint is wrong, or the network is. */
const CONNECTION_REASONS: Readonly<Record<string, string>> = {
  ENOTFOUND: 'its name is not known',
  EAI_AGAIN: 'its name could not be looked up',
  ECONNREFUSED: 'nothing listens there',
  EHOSTUNREACH: 'there is no way to it',
  ENETUNREACH: 'there is no way to it',
};

type ConnectionError = NodeJS.ErrnoException & {
  readonly hostname?: string;
  readonly address?: string;
  readonly port?: number;
};

function explainConnection(error: ConnectionError): EcsHostError | null {
  const reason = CONNECTION_REASONS[error.code ?? ''];
  const where = error.hostname ?? (error.address === undefined ? null : `${error.address}:${error.port ?? ''}`);
  if (reason === undefined || where === null) return null;
  return new EcsHostError(
    'user',
    'API_UNREACHABLE',
    `The API at ${where} cannot be reached: ${reason} (${error.code}).`,
    {
      hint: 'look at AWS_ENDPOINT_URL, at the region, at the network and its proxy',
      cause: error,
    },
  );
}

function explainApi(error: ApiError): EcsHostError {
  if (error.message.includes('Deserialization error'))
    return outsideError(
      'API_FAILED',
      `What answered is no API of AWS (HTTP ${error.$metadata.httpStatusCode ?? 'without a status'}).`,
      'look at AWS_ENDPOINT_URL and at the proxy of the network',
      undefined,
      error,
    );
  const status = error.$metadata.httpStatusCode ?? 0;
  const reason = `The API refused: ${error.message.trim().replace(/\.$/, '')} (${error.name}).`;
  if (status >= 400 && status < 500 && OF_THE_USER.test(error.name))
    return new EcsHostError('user', 'API_REFUSED', reason, {
      hint: 'look at ids, region (--region), credentials and their permissions',
      cause: error,
    });
  return outsideError('API_FAILED', reason, 'try again; the AWS Health Dashboard knows of outages', undefined, error);
}

function explainFile(error: NodeJS.ErrnoException): EcsHostError | null {
  const reason = FILE_REASONS[error.code ?? ''];
  // Without a path it is a pipe or a socket, and no one can say whose.
  if (reason === undefined || (error.path === undefined && error.code !== 'ENOSPC' && error.code !== 'EDQUOT'))
    return null;
  const deed = FILE_DEEDS[error.syscall ?? ''] ?? `used (${error.syscall ?? 'unknown'})`;
  const message = `${error.path ?? 'A file'} cannot be ${deed}: ${reason} (${error.code}).`;
  // `spawn` says ENOENT about a program.
  if (error.syscall?.startsWith('spawn'))
    return userError('PROGRAM_MISSING', `${error.path} cannot be run: ${reason}.`, 'see `ecs-host doctor`');
  return new EcsHostError('user', 'FILE_UNUSABLE', message, {
    hint: 'ECS_HOST_STATE and ECS_HOST_CACHE name other folders for records and downloads, --out another for results',
    cause: error,
  });
}
