/** Who wants filters on devices: to add a source, name its function here. */
import { type FilterSource, filtersOf } from './filters.ts';

const sources: readonly FilterSource[] = [];

export const filters = filtersOf(sources);
