/** Ports of several interfaces. */
import type { BuildContext, Built } from './port.ts';

export const buildBond = ({ port }: BuildContext): Built => ({
  error: `could not add bond ${port.name}: bonds are not provided; give each interface a port of its own`,
});
