/** Ethernet addresses as text, `aa:bb:cc:dd:ee:ff`. */

const pattern = /^([0-9a-f]{2}:){5}[0-9a-f]{2}$/i;

const firstByte = (address: string): number => Number.parseInt(address.slice(0, 2), 16);

/** The address in lower case, or undefined when the text is no address that a device can have. */
export function deviceAddress(text: string | undefined): string | undefined {
  if (text === undefined || !pattern.test(text)) return undefined;
  const address = text.toLowerCase();
  return firstByte(address) & 1 || address === '00:00:00:00:00:00' ? undefined : address;
}

/** Assigned by a manufacturer, rather than made up locally as those of taps and veths are. */
export const isGlobal = (address: string): boolean =>
  deviceAddress(address) !== undefined && (firstByte(address) & 2) === 0;

/** Twelve hexadecimal digits as a locally administered address of one device. */
function localAddress(digits: string): string {
  const first = ((Number.parseInt(digits.slice(0, 2), 16) & ~1) | 2).toString(16).padStart(2, '0');
  return [first, ...(digits.slice(2).match(/../g) ?? [])].join(':');
}

/** The address of a bridge's local port when nothing else gives it one; the C daemon derives the same from the row. */
export function defaultLocalAddress(bridgeUuid: string): string {
  const digits = bridgeUuid.replaceAll('-', '').match(/../g) ?? [];
  const [a = '', b = '', c = '', d = '', , , g = '', h = ''] = digits;
  return localAddress([d, c, b, a, h, g].join(''));
}

/** The address of the kernel bridge behind a bridge. No frame carries it; it must only be nobody else's. */
export const hiddenAddress = (bridgeUuid: string): string => localAddress(bridgeUuid.slice(-12));
