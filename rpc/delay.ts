/** The longest that a timer of Node's takes, in ms: more than three weeks. A longer one would end at once. */
export const longestDelay = 2 ** 31 - 1;

/** The seconds that an option or OVS_CTL_TIMEOUT names; undefined when it is no whole number above 0 that C can hold. */
export const parseSeconds = (text: string | undefined): number | undefined => {
  const seconds = Number(text);
  return text !== undefined && /^\s*\+?\d+$/.test(text) && seconds > 0 && seconds < 2 ** 32 ? seconds : undefined;
};

/** Does something when that many seconds have passed, if the program has not ended by then. */
export const afterSeconds = (seconds: number, act: () => void): void => {
  setTimeout(act, Math.min(seconds * 1000, longestDelay)).unref();
};
