import type { SecureVersion } from 'node:tls';
import { SystemError } from './system-error.ts';

/** The versions that can be enabled, oldest first. */
const versions: readonly SecureVersion[] = ['TLSv1.2', 'TLSv1.3'];

export interface ProtocolRange {
  readonly minVersion: SecureVersion;
  readonly maxVersion: SecureVersion;
}

/**
 * Reads --ssl-protocols: versions separated by commas or spaces, a range (TLSv1.2-TLSv1.3), or one version and all later
 * ones (TLSv1.2+).
 * @throws SystemError EINVAL
 */
export const parseProtocols = (text: string): ProtocolRange => {
  const enabled = text
    .split(/[\s,]+/)
    .filter((word) => word !== '')
    .flatMap((word) => expand(word));
  const minVersion = versions.find((version) => enabled.includes(version));
  const maxVersion = versions.findLast((version) => enabled.includes(version));
  if (minVersion === undefined || maxVersion === undefined) {
    throw new SystemError('EINVAL', 'SSL/TLS protocol settings invalid');
  }
  return { minVersion, maxVersion };
};

const expand = (word: string): readonly SecureVersion[] => {
  if (word.endsWith('+')) return versions.slice(indexOf(word.slice(0, -1)));
  const [first = '', last = first] = word.split('-');
  return versions.slice(indexOf(first), indexOf(last) + 1);
};

const indexOf = (name: string): number => {
  const at = versions.map(String).indexOf(name);
  if (at < 0) throw new SystemError('EINVAL', `${name}: SSL/TLS protocol not recognized`);
  return at;
};
