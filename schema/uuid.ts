export const zeroUuid = '00000000-0000-0000-0000-000000000000';

const pattern = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
export const isUuid = (text: string): boolean => pattern.test(text);

/** What the protocol calls an `<id>` (RFC 7047 section 3.1). */
const id = /^[A-Za-z_][A-Za-z0-9_]*$/;
export const isId = (text: string): boolean => id.test(text);
