import { getSystemErrorMap } from 'node:util';

/** The C library's words for errors where Node's differ. */
const words: ReadonlyMap<string, string> = new Map([
  ['E2BIG', 'Argument list too long'],
  ['EACCES', 'Permission denied'],
  ['EADDRINUSE', 'Address already in use'],
  ['EADDRNOTAVAIL', 'Cannot assign requested address'],
  ['EAFNOSUPPORT', 'Address family not supported by protocol'],
  ['EAGAIN', 'Resource temporarily unavailable'],
  ['EAI_AGAIN', 'Temporary failure in name resolution'],
  ['ECONNREFUSED', 'Connection refused'],
  ['ECONNRESET', 'Connection reset by peer'],
  ['EEXIST', 'File exists'],
  ['EHOSTUNREACH', 'No route to host'],
  ['EINVAL', 'Invalid argument'],
  ['EIO', 'Input/output error'],
  ['EISDIR', 'Is a directory'],
  ['ELOOP', 'Too many levels of symbolic links'],
  ['EMFILE', 'Too many open files'],
  ['ENAMETOOLONG', 'File name too long'],
  ['ENETUNREACH', 'Network is unreachable'],
  ['ENOENT', 'No such file or directory'],
  ['ENOPROTOOPT', 'Protocol not available'],
  ['ENOSPC', 'No space left on device'],
  ['ENOTDIR', 'Not a directory'],
  ['ENOTFOUND', 'Name or service not known'],
  ['ENOTSOCK', 'Socket operation on non-socket'],
  ['EPERM', 'Operation not permitted'],
  ['EPIPE', 'Broken pipe'],
  ['EPROTO', 'Protocol error'],
  ['EPROTOTYPE', 'Protocol wrong type for socket'],
  ['EROFS', 'Read-only file system'],
  ['ETIMEDOUT', 'Connection timed out'],
]);

/** An error of ours with the code of one of the system's, for what Open vSwitch reports in this way. */
export class SystemError extends Error {
  readonly code: string;
  constructor(code: string, message: string = words.get(code) ?? code, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** The code of an error of the system's ("ECONNREFUSED"); undefined for any other. */
export const errorCode = (error: unknown): string | undefined =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;

/** What the C library's strerror() says of a system's error, for messages that scripts know; else the error's own. */
export const systemMessage = (error: unknown): string => {
  if (!(error instanceof Error)) return String(error);
  const code = 'code' in error ? String(error.code) : '';
  const known = words.get(code);
  if (known !== undefined) return known;
  const entry = [...getSystemErrorMap().values()].find(([name]) => name === code);
  return entry?.[1] ?? error.message;
};
