import { createRequire } from 'node:module';

/** This project's version. */
export const { version }: { version: string } = createRequire(import.meta.url)('../../package.json');

/** The release of Open vSwitch whose behaviour this one has: what clients compare with. */
export const ovsVersion = '3.7.0';
