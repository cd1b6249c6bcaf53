/** The system's errors in the words of C's strerror(), by their code. */
const words: ReadonlyMap<string, string> = new Map([
  ['EACCES', 'Permission denied'],
  ['EADDRNOTAVAIL', 'Cannot assign requested address'],
  ['EAFNOSUPPORT', 'Address family not supported by protocol'],
  ['ECONNREFUSED', 'Connection refused'],
  ['ECONNRESET', 'Connection reset by peer'],
  ['EHOSTUNREACH', 'No route to host'],
  ['EINVAL', 'Invalid argument'],
  ['ENETUNREACH', 'Network is unreachable'],
  ['ENOENT', 'No such file or directory'],
  ['ENOTDIR', 'Not a directory'],
  ['ENOTSOCK', 'Socket operation on non-socket'],
  ['EPIPE', 'Broken pipe'],
  ['EPROTOTYPE', 'Protocol wrong type for socket'],
  ['ETIMEDOUT', 'Connection timed out'],
]);

export const describeCode = (code: string): string | undefined => words.get(code);

export const describeSystemError = (error: unknown): string => {
  if (!(error instanceof Error)) return String(error);
  return ('code' in error ? describeCode(String(error.code)) : undefined) ?? error.message;
};
