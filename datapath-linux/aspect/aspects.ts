/**
 * The aspects, in the order in which their steps are carried out, after those of the devices. To add one: write its
 * `AspectDefinition` in a file of this folder, and name it here; put the columns that it reads or reports into
 * `monitoredColumns`. It reads its columns through `bridge.row.view`, `port.row.view` and `interface.view`.
 */
import { type Aspect, aspect } from './aspect.ts';
import { bonds } from './bonds.ts';
import { filters } from './filter-sources.ts';
import { forwarding } from './forwarding.ts';
import { mirrors } from './mirror.ts';
import { packetFilter } from './packet-filter.ts';
import { policing } from './policing.ts';
import { qos } from './qos.ts';
import { settings } from './settings.ts';
import { spanningTree } from './spanning-tree.ts';
import { tunnels } from './tunnel.ts';
import { unprovided } from './unprovided.ts';
import { vlan } from './vlan.ts';

export const aspects: readonly Aspect[] = [
  aspect(settings),
  aspect(spanningTree(() => performance.now())),
  aspect(tunnels),
  aspect(packetFilter),
  aspect(bonds),
  aspect(vlan),
  // After the VLANs: an entry is made for each VLAN that its port is in.
  aspect(forwarding),
  aspect(filters),
  aspect(mirrors),
  aspect(policing),
  aspect(qos),
  aspect(unprovided),
];
