import test from 'ava';
import { allocateOfports, type PortNumbering } from '../../datapath-linux/ofport.ts';
import { Random } from '../helpers/random.ts';

const port = (name: string, given: Partial<PortNumbering> = {}): PortNumbering => ({
  name,
  local: false,
  current: undefined,
  remembered: undefined,
  requested: undefined,
  ...given,
});

const numbers = (...ports: readonly PortNumbering[]): object => Object.fromEntries(allocateOfports(ports));

test('the local port has 65534, the others the lowest numbers that are free', (t) => {
  t.deepEqual(numbers(port('a'), port('br0', { local: true }), port('b')), { br0: 65534, a: 1, b: 2 });
});

test('a port keeps its number, and gets it back after it vanished unless another has it now', (t) => {
  t.deepEqual(numbers(port('a'), port('b', { current: 1 })), { a: 2, b: 1 });
  t.deepEqual(numbers(port('a', { current: -1, remembered: 7 })), { a: 7 });
  t.deepEqual(numbers(port('a', { remembered: 7 }), port('b', { current: 7 })), { a: 1, b: 7 });
});

test('a request takes a number from a port that merely has it, not from one that asked for it too', (t) => {
  t.deepEqual(numbers(port('a', { current: 3 }), port('b', { current: 1, requested: 3 })), { a: 1, b: 3 });
  t.deepEqual(numbers(port('a', { requested: 3 }), port('b', { current: 3, requested: 3 })), { a: 1, b: 3 });
});

test('reserved and impossible numbers count as none', (t) => {
  const odd = [
    port('a', { requested: 0 }),
    port('b', { requested: 65280 }),
    port('c', { current: 65534 }),
    port('d', { current: -1 }),
  ];
  t.deepEqual(numbers(...odd), { a: 1, b: 2, c: 3, d: 4 });
});

test('random ports all have different numbers, and allocating again changes nothing', (t) => {
  for (let seed = 0; seed < 300; seed++) {
    const random = new Random(seed);
    const any = (): number | undefined => (random.chance(0.5) ? random.below(12) - 1 : undefined);
    const ports = Array.from({ length: random.below(12) }, (_, i) =>
      port(`p${i}`, { local: i === 0, current: any(), remembered: any(), requested: any() }),
    );
    const allocated = allocateOfports(ports);
    t.is(new Set(allocated.values()).size, ports.length);
    const again = allocateOfports(ports.map((each) => ({ ...each, current: allocated.get(each.name) })));
    t.deepEqual([...again].sort(), [...allocated].sort());
  }
});
