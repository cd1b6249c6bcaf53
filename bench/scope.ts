import type { Scope } from '../test/helpers/lab.ts';

/** Runs an action, and afterwards takes down what it has set up, the last first. */
export async function inScope<T>(action: (scope: Scope) => Promise<T>): Promise<T> {
  const teardowns: (() => unknown)[] = [];
  const log = Object.assign(() => {}, { skip: () => {} });
  const scope = {
    passed: true,
    log,
    teardown: (teardown: () => unknown) => {
      teardowns.push(teardown);
    },
  };
  try {
    return await action(scope);
  } finally {
    for (const teardown of teardowns.reverse()) await teardown();
  }
}
