/** What makes the queueing of a device as wanted: changes in place where the kernel can, or else anew. Pure. */
import { classCodecs, optionsOf, qdiscCodecs, type Settings } from '../../netlink/queueing.ts';
import {
  addQdisc,
  changeQdisc,
  deleteClass,
  deleteQdisc,
  handleOf,
  majorOf,
  minorOf,
  places,
  setClass,
  type TrafficObject,
} from '../../netlink/traffic-control.ts';
import { type ClassPlan, rootMinor } from './classes.ts';
import { classfulHandle, classlessHandle, type Discipline } from './discipline.ts';

/** What a device has at its root. */
export interface Present {
  readonly root: TrafficObject | undefined;
  readonly classes: readonly TrafficObject[];
}

const rootClass = handleOf(majorOf(classfulHandle), rootMinor);

/** Whether the switch made what is there: see `Discipline.handle`. */
export const isOurs = ({ root, classes }: Present): boolean =>
  root?.handle === classlessHandle ||
  (root?.handle === classfulHandle && classes.some(({ handle }) => handle === rootClass));

/**
 * Whether something stands in the way that others made. What the C daemon has left, of the kind that is wanted, is
 * taken over.
 */
export const isForeign = (present: Present, { kind }: Discipline): boolean =>
  present.root !== undefined &&
  !isOurs(present) &&
  !(present.root.handle === classfulHandle && present.root.kind === kind);

const differs = (wanted: Settings, found: Settings, names = Object.keys(wanted)): boolean =>
  names.some((name) => wanted[name] !== found[name]);

const settingsOf = (object: TrafficObject, codecs: typeof qdiscCodecs): Settings => {
  const codec = codecs.get(object.kind);
  return codec && object.options ? codec.read(object.options) : {};
};

/** Requests, in order; none when all is as wanted. Without a discipline: what takes ours away. */
export function queueingSteps(ifindex: number, wanted: Discipline | undefined, present: Present): Buffer[] {
  const { root } = present;
  const removal = root ? [deleteQdisc({ ifindex, parent: places.root })] : [];
  if (!wanted) return removal;
  const { kind, handle, settings, fixed } = wanted;
  const codec = qdiscCodecs.get(kind);
  if (!codec) return [];
  const found = root && settingsOf(root, qdiscCodecs);
  const place = { ifindex, parent: places.root, handle, kind, options: optionsOf(codec, settings) };
  const canStay = root?.kind === kind && root.handle === handle && found && !differs(settings, found, [...fixed]);
  if (!canStay) return [...removal, addQdisc(place), ...classSteps(ifindex, wanted, [])];
  const change = differs(settings, found) ? [changeQdisc(place)] : [];
  return [...change, ...classSteps(ifindex, wanted, present.classes)];
}

/** The class of the whole first, because those of queues are below it; those of queues that are gone before all. */
function classSteps(ifindex: number, { kind, classes }: Discipline, present: readonly TrafficObject[]): Buffer[] {
  const codec = classCodecs.get(kind);
  if (!codec || !classes) return [];
  const found = new Map(present.map((each) => [minorOf(each.handle), each]));
  const wanted = [classes.root, ...classes.queues.values()];
  const kept = new Set(wanted.map(({ minor }) => minor));
  const removals = present
    .filter(({ handle, parent }) => parent === rootClass && !kept.has(minorOf(handle)))
    .map(({ handle }) => deleteClass({ ifindex, handle }));
  const set = ({ minor, settings }: ClassPlan): Buffer[] => {
    const before = found.get(minor);
    if (before && !differs(comparable(kind, minor, settings), settingsOf(before, classCodecs))) return [];
    const parent = minor === rootMinor ? rootParent(kind) : rootClass;
    const handle = handleOf(majorOf(classfulHandle), minor);
    return [setClass({ ifindex, parent, handle, kind, options: optionsOf(codec, settings) })];
  };
  return [...removals, ...wanted.flatMap(set)];
}

/** As the C daemon has them, and as `tc` shows them: htb's first class has no parent, hfsc's the discipline. */
const rootParent = (kind: string): number => (kind === 'htb' ? places.root : classfulHandle);

/** A class with others below it has a turn only through them, so that the kernel forgets its quantum and priority. */
function comparable(kind: string, minor: number, settings: Settings): Settings {
  if (kind !== 'htb' || minor !== rootMinor) return settings;
  const { quantum: _quantum, priority: _priority, ...rest } = settings;
  return rest;
}
