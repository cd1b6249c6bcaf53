import { closeSync, openSync } from 'node:fs';
import { native } from '../native/index.ts';
import { setLevels } from './log.ts';

/** Goes on without the terminal: nothing is written to it any more, and it is not held open. */
export const leaveTerminal = (): void => {
  setLevels(undefined, 'console', 'off');
  const nowhere = openSync('/dev/null', 'r+');
  for (const fd of [0, 1, 2]) native().duplicate(nowhere, fd);
  closeSync(nowhere);
};
