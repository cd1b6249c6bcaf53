/** Numbers in the string maps of rows. Pure. */

/** A decimal number of 32 bits in a column such as `other_config`; undefined for what is none, as for the C daemon. */
export const integerOf = (text: string | undefined): number | undefined => {
  if (text === undefined || !/^\s*[+-]?\d+\s*$/.test(text)) return undefined;
  const value = Number(text);
  return value >= -(2 ** 31) && value < 2 ** 31 ? value : undefined;
};

export const clamp = (value: number, min: number, max: number): number => Math.min(Math.max(value, min), max);
