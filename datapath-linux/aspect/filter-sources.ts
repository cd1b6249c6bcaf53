/** Who wants filters on devices: to add a source, name its function here. */
import { type FilterSource, filtersOf } from './filters.ts';
import { policingFilters } from './policing.ts';

const sources: readonly FilterSource[] = [policingFilters];

export const filters = filtersOf(sources);
