/** Who wants filters on devices: to add a source, name its function here. */
import { type FilterSource, filtersOf } from './filters.ts';
import { mirrorFilters } from './mirror.ts';
import { policingFilters } from './policing.ts';
import { markingFilters } from './qos.ts';
import { tunnelFilters } from './tunnel.ts';
import { vlanFilters } from './vlan.ts';

const sources: readonly FilterSource[] = [policingFilters, vlanFilters, tunnelFilters, markingFilters, mirrorFilters];

export const filters = filtersOf(sources);
