/** What a driver says about a device (struct ethtool_drvinfo, ethtool_link_settings of linux/ethtool.h). */
import { native } from '../../native/index.ts';
import { readI32, readU32, writeU32 } from './bytes.ts';

export interface Driver {
  readonly name: string;
  readonly version: string;
  readonly firmware: string;
}

export interface LinkSettings {
  /** bits per second; undefined when the driver does not know, as without a carrier */
  readonly speed: number | undefined;
  readonly duplex: 'half' | 'full' | undefined;
}

const commands = { driver: 0x3, linkSettings: 0x4c } as const;
const driverLength = 196;
const settingsLength = 48;
const duplexes = { 0: 'half', 1: 'full' } as const;

const textAt = (data: Buffer, start: number, length: number): string =>
  data.toString('latin1', start, start + length).replace(/\0.*$/s, '');

/** Runs an ethtool command on a device; undefined where its driver has no answer. */
function ask(name: string, command: number, length: number): Buffer | undefined {
  const structure = Buffer.alloc(length);
  writeU32(structure, command, 0);
  try {
    native().ethtool(name, structure);
    return structure;
  } catch {
    return undefined;
  }
}

export function readDriver(name: string): Driver | undefined {
  const info = ask(name, commands.driver, driverLength);
  return info && { name: textAt(info, 4, 32), version: textAt(info, 36, 32), firmware: textAt(info, 68, 32) };
}

/**
 * Speed and duplex. The kernel first answers how many words its link mode masks have (negated, at byte 15), and wants
 * to hear that number again with room for three masks before it tells the rest.
 */
export function readLinkSettings(name: string): LinkSettings | undefined {
  const question = ask(name, commands.linkSettings, settingsLength);
  const words = question ? -question.readInt8(15) : 0;
  if (words <= 0) return undefined;
  const structure = Buffer.alloc(settingsLength + 3 * 4 * words);
  writeU32(structure, commands.linkSettings, 0);
  structure.writeInt8(words, 15);
  try {
    native().ethtool(name, structure);
  } catch {
    return undefined;
  }
  const megabits = readI32(structure, 4);
  const duplex = structure.readUInt8(8);
  return {
    speed: megabits > 0 ? readU32(structure, 4) * 1e6 : undefined,
    duplex: duplex === 0 || duplex === 1 ? duplexes[duplex] : undefined,
  };
}
