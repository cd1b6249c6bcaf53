import { getSystemErrorMap } from 'node:util';

/** The kernel sent something that is no netlink message: a bug here or there, never a user's mistake. */
export class NetlinkFormatError extends Error {
  override readonly name = 'NetlinkFormatError';
}

/** A dump was interrupted by changes again and again, so that no consistent state was ever seen. Worth another try. */
export class DumpInterruptedError extends Error {
  override readonly name = 'DumpInterruptedError';
}

/** The kernel refused a request: `code` is 'EEXIST' and the like, `detail` the kernel's own sentence, if it gave one. */
export class NetlinkError extends Error {
  override readonly name = 'NetlinkError';
  readonly code: string;
  /** Positive, as in errno.h. */
  readonly errno: number;
  readonly detail: string | undefined;

  constructor(errno: number, detail?: string) {
    const description = describeErrno(errno);
    super(detail === undefined ? description : `${description}: ${detail}`);
    this.code = getSystemErrorMap().get(-errno)?.[0] ?? `E${errno}`;
    this.errno = errno;
    this.detail = detail;
  }
}

/** What strerror() says where libuv's table words it differently, or has no entry, for errors that links cause. */
const descriptions: Readonly<Record<number, string>> = {
  1: 'Operation not permitted',
  16: 'Device or resource busy',
  17: 'File exists',
  19: 'No such device',
  22: 'Invalid argument',
  34: 'Numerical result out of range',
  40: 'Too many levels of symbolic links',
  95: 'Operation not supported',
  97: 'Address family not supported by protocol',
};

/** The C library's sentence for a positive errno, such as 'No such device' for 19. */
export function describeErrno(errno: number): string {
  const known = descriptions[errno];
  if (known !== undefined) return known;
  const worded = getSystemErrorMap().get(-errno)?.[1] ?? `Unknown error ${errno}`;
  return worded.charAt(0).toUpperCase() + worded.slice(1);
}
