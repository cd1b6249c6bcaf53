import { createRequire } from 'node:module';

/** This project's version. */
export const { version }: { version: string } = createRequire(import.meta.url)('../../package.json');

/** The release of Open vSwitch whose behaviour this one has: what clients compare with. */
export const ovsVersion = '3.7.0';

/** How a program names itself and its release, which scripts read. */
export const programVersion = (name: string): string => `${name} (Open vSwitch) ${ovsVersion}`;
