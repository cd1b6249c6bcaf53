/** Numbers in the string maps of rows. Pure. */

/** A decimal number of a column such as `other_config`; undefined for what is none, as for the C daemon. */
export const integerOf = (text: string | undefined): number | undefined =>
  text !== undefined && /^\s*[+-]?\d+\s*$/.test(text) ? Number(text) : undefined;

export const clamp = (value: number, min: number, max: number): number => Math.min(Math.max(value, min), max);
