/** Tests in network namespaces. */
import anyTest, { type ExecutionContext } from 'ava';

export * from './namespace.ts';

const isRoot = process.getuid?.() === 0;

/**
 * AVA's test for what needs root: without it the tests are skipped, and say so. In CI that would hide them, so there
 * they fail instead. One at a time: they share the processor with the traffic they send.
 */
export function rootTest(name: string, body: (t: ExecutionContext) => Promise<void>): void {
  if (isRoot || process.env.CI) anyTest.serial(name, body);
  else anyTest.skip(`needs root: ${name}`, body);
}
